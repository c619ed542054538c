# The reaper and undertaker of a test fleet. It starts programs on request, reaps whatever is orphaned below it
# (its parent has made it a child subreaper), and when its standard input ends it kills everything below it,
# removes the paths it was told of, and leaves. So nothing survives a test, however the test ended.
#
# Requests, one a line, fields separated by tabs:   start LOG PROGRAM ARG...   -> pid N
#                                                   wipe PATH | keep PATH      -> ok
#                                                   quit PID                   -> ok, and SIGQUIT before the end
use strict;
use warnings;
use POSIX ();

my %wipe;
my %quit;
my $input = '';
my $open  = 1;

# Our own terminal's signals are for the test, not for us: we end when the pipe does.
$SIG{$_} = 'IGNORE' for qw(INT HUP TERM QUIT PIPE TSTP);
$SIG{CHLD} = sub { };
$| = 1;

sub reap { while (waitpid(-1, POSIX::WNOHANG()) > 0) { } }

sub start {
    my ($log, @command) = @_;
    my $pid = fork();
    return "error $!" if !defined $pid;
    return "pid $pid" if $pid;
    # An ignored signal would stay ignored in the program and in every command it runs.
    $SIG{$_} = 'DEFAULT' for qw(INT HUP TERM QUIT PIPE TSTP CHLD);
    open(STDIN,  '<',  '/dev/null') or POSIX::_exit(126);
    open(STDOUT, '>>', $log)        or POSIX::_exit(126);
    open(STDERR, '>&', \*STDOUT)    or POSIX::_exit(126);
    { no warnings; exec { $command[0] } @command; }
    print STDERR "exec $command[0]: $!\n";
    POSIX::_exit(127);
}

sub descendants {
    my (%children, @found);
    opendir(my $proc, '/proc') or return;
    for my $pid (grep { /^\d+$/ } readdir $proc) {
        open(my $stat, '<', "/proc/$pid/stat") or next;
        my $line = <$stat>;
        push @{ $children{$1} }, $pid if defined $line && $line =~ /\)\s+\S\s+(\d+)[^)]*$/;
    }
    my @open = ($$);
    while (defined(my $parent = shift @open)) {
        my @next = @{ delete $children{$parent} || [] };
        push @open,  @next;
        push @found, @next;
    }
    return @found;
}

while ($open) {
    my $ready = '';
    vec($ready, fileno(STDIN), 1) = 1;
    # The timeout only covers a child that ends between the look and the sleep.
    my $count = select($ready, undef, undef, 0.2);
    reap();
    next if $count <= 0;
    my $got = sysread(STDIN, $input, 65536, length $input);
    next if !defined $got && $!{EINTR};
    $open = 0 if !$got;
    while ($input =~ s/^([^\n]*)\n//) {
        my ($verb, @fields) = split /\t/, $1;
        my $answer = 'error unknown request';
        if    ($verb eq 'start') { $answer = start(@fields) }
        elsif ($verb eq 'wipe')  { $wipe{ $fields[0] } = 1; $answer = 'ok' }
        elsif ($verb eq 'quit')  { $quit{ $fields[0] } = 1; $answer = 'ok' }
        elsif ($verb eq 'keep')  { delete $wipe{ $fields[0] }; $answer = 'ok' }
        syswrite(STDOUT, "$answer\n");
    }
}

# Some programs have to give back what the kernel would keep; they get five seconds for it.
for (1 .. 250) {
    reap();
    my %left = map { $_ => 1 } descendants();
    delete @quit{ grep { !$left{$_} } keys %quit };
    last if !%quit;
    kill 'QUIT', keys %quit if $_ == 1;
    select(undef, undef, undef, 0.02);
}
for (1 .. 500) {
    my @left = descendants();
    last if !@left;
    kill 'KILL', @left;
    select(undef, undef, undef, 0.02);
    reap();
}
system('rm', '-rf', '--', $_) for sort keys %wipe;
POSIX::_exit(0);
