# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# Completion of hayfork's command line for bash 4 and later; needs nothing else. The installed copy has the plugins' directory
# filled in. Plugins are found by their file names; their functions are asked of `hayfork info`, one plugin at a time.

_hayfork_verbs='run map exec call results report info check new help'
_hayfork_run_options='-p --plugin --config -j --jobs -o --output -k --keep-order -h --help --queue --dry-run --inline
    --resume --retry-failed --resume-changed --sync --order-window --meta --max-result --timeout --start-timeout --grace --retries
    --retry-on --retry-delay --retry-delay-max --retry-timeouts --crash-retries --halt --max-fails --max-jobs-per-worker
    --max-worker-rss --max-worker-age --limit --nice --memfree --load --delay --summary --no-summary --progress --joblog --trace --stderr'

_hayfork_options() { # VERB
    case $1 in
    run) echo "$_hayfork_run_options -f --function" ;;
    map) echo "$_hayfork_run_options -f --function --args --id -0 --null" ;;
    exec) echo "$_hayfork_run_options --shell --pipe --tag -u --ungroup --line-buffer --json --max-output --id -0 --null -a --arg-file -n --max-args -C --colsep -I --replace" ;;
    call) echo '-p --plugin --config --inline --timeout --start-timeout --grace --crash-retries -h --help' ;;
    check) echo '-p --plugin --config -f --function -h --help' ;;
    report) echo '-o --output --trace -h --help' ;;
    info) echo '--json -h --help' ;;
    results) echo '--plain -h --help' ;;
    new | help) echo '-h --help' ;;
    esac
}

# Does this option take a value?
_hayfork_has_value() {
    case $1 in
    -[pfjoanCI] | --plugin | --config | --function | --jobs | --output | --arg-file | --max-args | --colsep | --replace | --args | --id | --max-output) ;;
    --queue | --sync | --order-window | --max-result | --timeout | --start-timeout | --grace | --retries | --retry-on) ;;
    --retry-delay | --retry-delay-max | --crash-retries | --halt | --max-fails | --max-jobs-per-worker) ;;
    --max-worker-rss | --max-worker-age | --limit | --nice | --memfree | --load | --delay | --progress | --joblog | --trace | --stderr) ;;
    *) return 1 ;;
    esac
}

# Names of the plugins that can be found by name.
_hayfork_plugins() {
    local directory file
    local -a directories
    IFS=: read -ra directories <<<"${HAYFORK_PLUGIN_PATH-}:@plugindir@"
    for directory in "${directories[@]}"; do
        for file in "${directory:-/nowhere}"/*.so; do
            [[ -f $file ]] || continue
            file=${file##*/}
            printf '%s\n' "${file%.so}"
        done
    done
}

# COMMAND PLUGIN: its functions.
_hayfork_functions_of() {
    "$1" info -- "$2" 2>/dev/null </dev/null | sed -n 's/^\([^ /]\{1,\}\.[^ ]\{1,\}\).*/\1/p'
}

# Replies, one on a line of stdin, that begin with $value. Bash replaces what stands behind the last = or :, or from the last @, only.
_hayfork_offer() {
    local line cut rest
    cut=${value%"${value##*[=:]}"}
    rest=${value#"$cut"}
    [[ $rest != *@* ]] || cut+=${rest%@*}
    [[ $COMP_WORDBREAKS == *=* ]] || cut=
    while IFS= read -r line; do
        [[ $line == "$value"* && $line != "$cut" ]] && COMPREPLY+=("${line#"$cut"}")
    done
}

_hayfork_words() {
    _hayfork_offer < <(printf '%s\n' "$@")
}

# The word may be written in quotes so far, or with backslashes, which bash adds again.
_hayfork_files() { # [PREFIX that stands before the name]
    local value=$value
    case $value in
    \'*) value=${value#?} ;;
    # shellcheck disable=SC2162 # backslashes go
    *) IFS= read value <<<"${value#\"}" ;;
    esac
    compopt -o filenames 2>/dev/null
    _hayfork_offer < <(compgen -P "${1-}" -f -- "${value#"${1-}"}")
}

_hayfork_no_space() {
    compopt -o nospace 2>/dev/null
}

# Words of a list with commas: what is written already stays.
_hayfork_list() {
    local before=
    [[ $value != *,* ]] || before=${value%,*},
    _hayfork_words "${@/#/$before}"
}

# A plugin's file by its path, or its name.
_hayfork_plugin() {
    if [[ $value == */* || $value == .* || $value == '~'* ]]; then
        _hayfork_files
    else
        _hayfork_offer < <(_hayfork_plugins)
        [[ ${#COMPREPLY[@]} -gt 0 ]] || _hayfork_files
    fi
}

# The functions of the plugins that -p names; else first the plugins, and behind the dot what that one has.
_hayfork_function() {
    local plugin
    if [[ ${#plugins[@]} -gt 0 ]]; then
        for plugin in "${plugins[@]}"; do
            _hayfork_offer < <(_hayfork_functions_of "$command" "$plugin")
        done
    elif [[ $value == *.* ]]; then
        _hayfork_offer < <(_hayfork_functions_of "$command" "${value%%.*}")
    else
        _hayfork_no_space
        _hayfork_offer < <(_hayfork_plugins | sed 's/$/./')
    fi
}

_hayfork_value() { # OPTION
    case $1 in
    -p | --plugin) _hayfork_plugin ;;
    -f | --function) _hayfork_function ;;
    -j | --jobs) [[ $value != @* ]] || _hayfork_files @ ;;
    -o | --output | -a | --arg-file | --joblog | --trace) _hayfork_files ;;
    --sync) _hayfork_words none interval always ;;
    --progress) _hayfork_words auto bar lines json none ;;
    --id) _hayfork_words line number ;;
    --stderr)
        _hayfork_words tag pass
        _hayfork_files
        ;;
    --retry-on) _hayfork_list error timeout crash ;;
    --limit)
        _hayfork_no_space
        _hayfork_list mem= cpu= files= fsize=
        ;;
    --halt)
        _hayfork_words never {now,soon},{fail,success,done}=
        [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == never ]] || _hayfork_no_space
        ;;
    esac
}

# The words from $1 on are another command's.
_hayfork_other_command() {
    if declare -F _command_offset >/dev/null; then
        _command_offset "$1"
    elif [[ $1 -eq $COMP_CWORD ]]; then
        [[ $value != */* ]] || compopt -o filenames 2>/dev/null
        _hayfork_offer < <(compgen -c -- "$value")
    else
        _hayfork_files
    fi
}

_hayfork_operand() { # VERB OPERANDS-BEFORE
    case $1 in
    run | check) _hayfork_files ;;
    map) if [[ $2 -eq 0 ]]; then _hayfork_function; else _hayfork_files; fi ;;
    call) [[ $2 -gt 0 ]] || _hayfork_function ;;
    info) [[ $2 -gt 0 ]] || _hayfork_plugin ;;
    results | report) [[ $2 -gt 0 ]] || _hayfork_files ;;
    help)
        # shellcheck disable=SC2086 # a list of words
        [[ $2 -gt 0 ]] || _hayfork_words $_hayfork_verbs
        ;;
    esac
}

_hayfork() {
    local command=${COMP_WORDS[0]} verb value='' pending='' word ended='' glue='' rest i
    local -a words=() starts=() plugins=()
    local operands=0
    COMPREPLY=()
    # Bash has cut words at =, : and @, which is undone here, where the line has no blank between them.
    rest=${COMP_LINE#*"$command"}
    for ((i = 1; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if [[ $rest != [[:space:]]* && (-n $glue || $word == [=:@]*) ]]; then
            words[${#words[@]} - 1]+=$word
        else
            words+=("$word")
            starts+=("$i")
        fi
        glue=
        [[ $word != [=:@]* ]] || glue=yes
        rest=${rest#"${rest%%[![:space:]]*}"}
        rest=${rest#"$word"}
    done
    local last=$((${#words[@]} - 1))
    value=${words[last]}
    if [[ $last -eq 0 ]]; then
        # shellcheck disable=SC2086 # a list of words
        _hayfork_words $_hayfork_verbs -h --help -V --version
        return
    fi
    verb=${words[0]}
    for ((i = 1; i < last; i++)); do
        word=${words[i]}
        if [[ -n $pending ]]; then
            [[ $pending != -p && $pending != --plugin ]] || plugins+=("$word")
            pending=
        elif [[ -z $ended && $word == -- ]]; then
            ended=yes
        elif [[ -z $ended && $word == --plugin=* ]]; then
            plugins+=("${word#*=}")
        elif [[ -z $ended && $word == -p?* ]]; then
            plugins+=("${word#-p}")
        elif [[ -z $ended && $word == -?* ]]; then
            ! _hayfork_has_value "$word" || pending=$word
        else
            operands=$((operands + 1))
            if [[ $verb == exec ]]; then
                _hayfork_other_command "${starts[i]}"
                return
            fi
        fi
    done
    if [[ -n $pending ]]; then
        _hayfork_value "$pending"
    elif [[ -z $ended && $value == --*=* ]]; then
        word=${value%%=*}
        ! _hayfork_has_value "$word" || { value=${value#*=} && _hayfork_value "$word"; }
    elif [[ -z $ended && $value == -[!-]?* ]] && _hayfork_has_value "${value:0:2}"; then
        word=${value:0:2}
        value=${value:2}
        _hayfork_value "$word"
        [[ $value == *[=:@]* ]] || COMPREPLY=("${COMPREPLY[@]/#/$word}")
    elif [[ -z $ended && $value == -* ]]; then
        # shellcheck disable=SC2046 # a list of words
        _hayfork_words $(_hayfork_options "$verb")
    elif [[ $verb == exec ]]; then
        _hayfork_other_command "${starts[last]}"
    else
        _hayfork_operand "$verb" "$operands"
    fi
}

complete -F _hayfork hayfork
