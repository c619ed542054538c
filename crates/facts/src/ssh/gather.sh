# Gathers facts of this machine and prints them; reads nothing. POSIX sh: dash, busybox ash, the shells of FreeBSD and
# macOS. Each probe stands alone: what fails or is missing is left out, and nothing else with it.
#
# Output: a line '@name' begins a section, each line of its content follows after one blank, '@end' is the last line. So no
# content can be taken for the name of a section.

LC_ALL=C
export LC_ALL
PATH=$PATH:/usr/bin:/bin:/usr/sbin:/sbin:/usr/local/bin:/usr/local/sbin
export PATH
exec </dev/null 2>/dev/null 4>&1
nl='
'

has() { command -v "$1" >/dev/null; }

# One value of one line.
value() { [ -z "$2" ] || printf '@%s\n %s\n' "$1" "${2%%"$nl"*}"; }

# What a command prints, within its time.
probe() {
    name=$1
    shift
    printf '@%s\n' "$name"
    within 10 "$@" | head -c 262144 | sed 's/^/ /'
    echo
}

# A file, at most so many lines of it.
file() { [ ! -r "$2" ] || { printf '@%s\n' "$1"; sed -n -e 's/^/ /p' -e "${3:-400}q" "$2"; echo; }; }

# The first line of a file, without starting a program.
first() { line=; [ ! -r "$1" ] || IFS= read -r line <"$1" || :; }

# Ends a process and all that it has started, also where it has no process group of its own.
kill_tree() (
    kill -STOP "$1"
    for child in $(ps -A -o pid= -o ppid= | sed -n "s/^ *\([0-9]*\)  *$1 *\$/\1/p"); do kill_tree "$child"; done
    kill -KILL "$1"
)

# Runs a command for at most so many seconds. timeout(1) is not everywhere, and does not end everywhere what a command
# has started. The watcher holds no pipe open.
within() {
    seconds=$1
    shift
    "$@" &
    command=$!
    (
        trap 'kill $sleeping; exit' TERM
        while [ "$seconds" -gt 0 ]; do
            sleep 1 & sleeping=$!
            wait $sleeping
            seconds=$((seconds - 1))
        done
        kill_tree $command
    ) >&- 3>&- 4>&- &
    watcher=$!
    wait $command
    status=$?
    kill $watcher
    return $status
}

kernel=$(uname -s)
value kernel "$kernel"
value kernelrelease "$(uname -r)"
value kernelversion "$(uname -v)"
value hardware "$(uname -m)"
value isa "$(uname -p)"
value hostname "$(uname -n)"
value fqdn "$(within 5 hostname -f)"
value timezone "$(date +%Z)"
value now "$(date +%s)"
file resolv_conf /etc/resolv.conf

case $kernel in
Linux)
    if [ -r /etc/os-release ]; then file os_release /etc/os-release; else file os_release /usr/lib/os-release; fi
    file debian_version /etc/debian_version 1
    file redhat_release /etc/redhat-release 1

    # The kernel's view of each interface: name, hardware address, mtu, state.
    echo @links
    for d in /sys/class/net/*; do
        [ -d "$d" ] || continue
        first "$d/address"; mac=$line
        first "$d/mtu"; mtu=$line
        first "$d/operstate"
        printf ' %s\t%s\t%s\t%s\n' "${d##*/}" "$mac" "$mtu" "$line"
    done
    if has ip; then probe ip_addr ip -o addr show; else probe ifconfig ifconfig -a; fi
    echo @route
    sed -n 's/^[^\t]*\t00000000\t/ &/p' /proc/net/route
    echo @ipv6_route
    sed -n 's/^00* 00 /  &/p' /proc/net/ipv6_route

    echo @cpuinfo
    sed -n -e 's/^processor[^:]*:/ &/p' -e 's/^model name[^:]*:/ &/p' -e 's/^physical id[^:]*:/ &/p' \
        -e 's/^cpu cores[^:]*:/ &/p' -e 's/^flags[^:]*:.* hypervisor.*/ hypervisor: yes/p' /proc/cpuinfo
    echo @meminfo
    sed -n -e 's/^Mem/ &/p' -e 's/^Buffers/ &/p' -e 's/^Cached/ &/p' -e 's/^Swap[TF]/ &/p' /proc/meminfo
    file uptime /proc/uptime 1
    file loadavg /proc/loadavg 1
    file mounts /proc/mounts 2000

    echo @disks
    for d in /sys/block/*; do
        [ -e "$d/device" ] || continue
        first "$d/size"; size=$line
        first "$d/device/model"; model=$line
        first "$d/device/vendor"; vendor=$line
        first "$d/queue/rotational"
        printf ' %s\t%s\t%s\t%s\t%s\n' "${d##*/}" "$size" "$vendor" "$model" "$line"
    done

    echo @dmi
    for f in sys_vendor product_name bios_vendor bios_version bios_date board_vendor board_name chassis_asset_tag; do
        first "/sys/class/dmi/id/$f"
        [ -z "$line" ] || printf ' %s\t%s\n' "$f" "$line"
    done

    if has systemd-detect-virt; then value detect_virt "$(systemd-detect-virt)"; fi
    [ ! -e /.dockerenv ] || value container docker
    [ ! -e /run/.containerenv ] || value container podman
    if [ -r /proc/1/environ ]; then
        value container_env "$(tr '\000' '\n' </proc/1/environ | sed -n 's/^container=//p')"
    fi

    first /proc/1/comm
    value process_1 "$line"
    [ ! -d /run/systemd/system ] || value init systemd
    [ ! -d /run/openrc ] || value init openrc
    [ ! -e /etc/inittab ] || value inittab yes
    ;;
*)
    probe ifconfig ifconfig -a
    probe route_get route -n get default
    probe route_get6 route -n get -inet6 default
    probe mount mount
    value boottime "$(sysctl -n kern.boottime)"
    value loadavg "$(sysctl -n vm.loadavg)"
    case $kernel in
    Darwin)
        probe sw_vers sw_vers
        value cpu_count "$(sysctl -n hw.logicalcpu)"
        value cpu_packages "$(sysctl -n hw.packages)"
        value cpu_model "$(sysctl -n machdep.cpu.brand_string)"
        value memory "$(sysctl -n hw.memsize)"
        probe vm_stat vm_stat
        value swapusage "$(sysctl -n vm.swapusage)"
        value hypervised "$(sysctl -n kern.hv_vmm_present)"
        value product "$(sysctl -n hw.model)"
        value init launchd
        ;;
    *)
        value userland "$(freebsd-version -u || uname -r)"
        value cpu_count "$(sysctl -n hw.ncpu)"
        value cpu_model "$(sysctl -n hw.model)"
        value memory "$(sysctl -n hw.physmem)"
        value page_size "$(sysctl -n hw.pagesize)"
        value pages_free "$(sysctl -n vm.stats.vm.v_free_count)"
        value pages_inactive "$(sysctl -n vm.stats.vm.v_inactive_count)"
        probe swapinfo swapinfo -k
        probe geom geom disk list
        value vm_guest "$(sysctl -n kern.vm_guest)"
        value jailed "$(sysctl -n security.jail.jailed)"
        value init rc
        ;;
    esac
    ;;
esac

probe df df -kP
probe who who
for manager in apt-get dnf yum zypper apk pacman emerge pkg brew; do
    if has "$manager"; then value package_manager "$manager"; break; fi
done

# Facts of this site: JSON, or programs that print JSON or key=value.
facts=${PABAWI_FACTS_DIR:-/etc/pabawi/facts.d}
count=0
for f in "$facts"/*; do
    [ -f "$f" ] && [ -r "$f" ] || continue
    count=$((count + 1))
    if [ $count -gt 100 ]; then value custom_left_out yes; break; fi
    value custom "${f##*/}"
    case $f in
    *.json)
        echo @custom_json
        head -c 1048576 "$f" | sed 's/^/ /'
        echo
        ;;
    *)
        [ -x "$f" ] || continue
        # The status goes another way than the output, which is cut off.
        echo @custom_output
        status=$( { { within "${PABAWI_FACTS_TIMEOUT:-10}" "$f" 3>&- 4>&-; echo $? >&3; } | head -c 1048576 | sed 's/^/ /' >&4; } 3>&1 )
        echo
        value custom_status "$status"
        ;;
    esac
done
echo @end
