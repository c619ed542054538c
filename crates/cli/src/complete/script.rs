//! The scripts that the shells read: [`script`]. They ask `pab` itself, so that they know every plugin's commands and are right
//! after its next change, too.

use clap_complete::Shell;

/// What is written for `pab completions SHELL`; nothing for a shell that has no script here.
pub(crate) fn script(shell: Shell) -> Option<&'static str> {
    match shell {
        Shell::Bash => Some(BASH),
        Shell::Zsh => Some(ZSH),
        Shell::Fish => Some(FISH),
        _ => None,
    }
}

const BASH: &str = r#"# Completions of pab for bash: source this file, or put it into ~/.local/share/bash-completion/completions/pab
_pab() {
    local offers IFS=$'\n'
    offers=$("${COMP_WORDS[0]/#\~/$HOME}" __complete bash "${COMP_WORDS[COMP_CWORD]}" "${COMP_LINE:0:COMP_POINT}" 2>/dev/null) || return 0
    if [[ $offers == *":files"* ]]; then
        compopt -o default 2>/dev/null
        offers=${offers//:files/}
    fi
    COMPREPLY=()
    local offer
    while read -r offer; do
        [[ -n $offer ]] && COMPREPLY+=("$offer")
    done <<< "$offers"
}
complete -F _pab pab
"#;

const ZSH: &str = r#"#compdef pab
# Completions of pab for zsh: put this file as _pab into a folder of $fpath, or source it after compinit
_pab() {
    local line value about files=0
    local -a values shown
    while IFS= read -r line; do
        if [[ $line == ":files" ]]; then
            files=1
            continue
        fi
        value=${line%%$'\t'*}
        about=""
        [[ $line == *$'\t'* ]] && about=${line#*$'\t'}
        values+=("$value")
        if [[ -n $about ]]; then shown+=("$value  -- $about"); else shown+=("$value"); fi
    done < <("${(Q)words[1]}" __complete zsh "${(@Q)words[1,CURRENT]}" 2>/dev/null)
    (( $#values )) && compadd -l -d shown -a -- values
    (( files )) && _files
    return 0
}
if [[ ${funcstack[1]} == _pab ]]; then _pab "$@"; else compdef _pab pab; fi
"#;

const FISH: &str = r#"# Completions of pab for fish: put this file into ~/.config/fish/completions/pab.fish
function __pab_complete
    set -l words (commandline -opc) (commandline -ct)
    for line in ($words[1] __complete fish $words 2>/dev/null)
        if test "$line" = ":files"
            __fish_complete_path (commandline -ct)
        else
            echo $line
        end
    end
end
complete -c pab -f -a '(__pab_complete)'
"#;
