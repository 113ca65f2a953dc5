# SPDX-License-Identifier: MIT
#
# Completion of hayfork's command line for fish. The installed copy has the plugins' directory filled in.
# Plugins are found by their file names; their functions are asked of `hayfork info`.

function __hayfork_plugins
    for directory in (string split -n : -- "$HAYFORK_PLUGIN_PATH") @plugindir@
        for file in $directory/*.so
            string replace -r '^.*/(.*)\.so$' '$1' -- $file
        end
    end
end

# The plugins that -p names on the command line.
function __hayfork_chosen
    set -l words (commandline -opc)
    set -l next 0
    for word in $words
        if test $next = 1
            echo $word
            set next 0
        else if contains -- $word -p --plugin
            set next 1
        else if string match -q -- '--plugin=*' $word
            string replace -- --plugin= '' $word
        else if string match -qr -- '^-p.' $word
            string replace -r -- '^-p' '' $word
        end
    end
end

# The functions of those; else, as soon as a dot is there, of the plugin before it; else the plugins.
function __hayfork_functions
    set -l word (string replace -r -- '^(-f|--function=)' '' (commandline -ct))
    set -l plugins (__hayfork_chosen)
    if test -z "$plugins"; and string match -q '*.*' -- $word
        set plugins (string replace -r '\..*' '' -- $word)
    end
    if test -z "$plugins"
        string replace -r '$' . -- (__hayfork_plugins)
        return
    end
    set -l command (commandline -opc)[1]
    for plugin in $plugins
        $command info -- $plugin 2>/dev/null </dev/null | string replace -rf '^([^ /]+\.[^ ]+)(?: +(.*))?$' '$1\t$2'
    end
end

# Words of a list with commas: what is written already stays.
function __hayfork_list
    set -l before (string match -r -- '^(?:--[a-z-]+=)?(.*,)' (commandline -ct))[2]
    for word in $argv
        echo $before$word
    end
end

# The operands behind the verb; for exec also what follows the first of them, which is another command's.
function __hayfork_operands
    set -l skip 0
    set -l ended 0
    set -l words (commandline -opc)
    set -l long plugin config function jobs output arg-file max-args colsep replace args id max-output queue sync order-window max-result timeout start-timeout grace \
        retries retry-on retry-delay retry-delay-max crash-retries halt max-fails max-jobs-per-worker max-worker-rss max-worker-age \
        limit nice memfree load delay progress joblog trace stderr
    for word in $words[3..-1]
        if test $skip = 1
            set skip 0
        else if test $ended = 1; or not string match -q -- '-?*' $word
            printf '%s\n' $word
            test $words[2] != exec; or set ended 1
        else if contains -- $word -p -f -j -o -a -n -C -I --$long
            set skip 1
        else if test $word = --
            set ended 1
        end
    end
end

# Is the verb one of these, and nothing else's words?
function __hayfork_verb
    set -l words (commandline -opc)
    test (count $words) -ge 2; and contains -- $words[2] $argv; or return 1
    test $words[2] != exec; or test (count (__hayfork_operands)) = 0
end

# What the command of exec takes.
function __hayfork_other
    set -l words (__hayfork_operands)
    complete -C (string join -- ' ' (string escape -- $words) (commandline -ct))
end

function __hayfork_first
    test (count (commandline -opc)) = 1
end

complete -c hayfork -f
complete -c hayfork -n __hayfork_first -s h -l help -d 'Help'
complete -c hayfork -n __hayfork_first -s V -l version -d 'The version'
complete -c hayfork -n __hayfork_first -a run -d 'Run the jobs of files or stdin'
complete -c hayfork -n __hayfork_first -a map -d 'Run one function on each line'
complete -c hayfork -n __hayfork_first -a exec -d 'Run a command on each line'
complete -c hayfork -n __hayfork_first -a call -d 'Run one function once'
complete -c hayfork -n __hayfork_first -a results -d 'Print what a file of results comes to'
complete -c hayfork -n __hayfork_first -a report -d 'Make an HTML page of results'
complete -c hayfork -n __hayfork_first -a info -d 'Show what a plugin offers'
complete -c hayfork -n __hayfork_first -a check -d 'Check job lines, run nothing'
complete -c hayfork -n __hayfork_first -a new -d 'Begin a plugin'
complete -c hayfork -n __hayfork_first -a help -d 'Help on a verb'

# Operands.
complete -c hayfork -n '__hayfork_verb run check results report' -F
complete -c hayfork -n '__hayfork_verb map; and test (count (__hayfork_operands)) -gt 0' -F
complete -c hayfork -n '__hayfork_verb map call; and test (count (__hayfork_operands)) = 0' -a '(__hayfork_functions)'
complete -c hayfork -n '__hayfork_verb info; and test (count (__hayfork_operands)) = 0' -F -a '(__hayfork_plugins)'
complete -c hayfork -n '__hayfork_verb help; and test (count (__hayfork_operands)) = 0' \
    -a 'run map exec call results report info check new help'
complete -c hayfork -n 'test (commandline -opc)[2] = exec 2>/dev/null; and not __hayfork_verb exec' -a '(__hayfork_other)'
complete -c hayfork -n '__hayfork_verb exec' -a '(__fish_complete_command)'

# All verbs but help.
complete -c hayfork -n 'not __hayfork_first; and __hayfork_verb run map exec call results report info check new help' -s h -l help \
    -d 'Help on the verb'

# run, and what shares its options.
complete -c hayfork -n '__hayfork_verb run map exec call check' -s p -l plugin -rF -a '(__hayfork_plugins)' -d 'Load this plugin'
complete -c hayfork -n '__hayfork_verb run map exec call check' -l config -x -d 'Configure a plugin: PLUGIN=JSON, PLUGIN=@FILE'
complete -c hayfork -n '__hayfork_verb run map check' -s f -l function -x \
    -a '(__hayfork_functions)' -d 'Function of lines without "fn"'
complete -c hayfork -n '__hayfork_verb run map exec' -s j -l jobs -x -a '50% 100% +1 -1' -d 'Workers: N, N%, +N, -N, @FILE'
complete -c hayfork -n '__hayfork_verb run map exec' -s o -l output -rF -d 'Append results to this file'
complete -c hayfork -n '__hayfork_verb run map exec' -s k -l keep-order -d 'Results in the order of the input'
complete -c hayfork -n '__hayfork_verb run map exec' -l order-window -x -d 'Lines read ahead for -k'
complete -c hayfork -n '__hayfork_verb run map exec' -l resume -d 'Go on with the run of -o'
complete -c hayfork -n '__hayfork_verb run map exec' -l retry-failed -d 'And run again what is not ok'
complete -c hayfork -n '__hayfork_verb run map exec' -l resume-changed -d 'And run again lines that changed'
complete -c hayfork -n '__hayfork_verb run map exec' -l sync -x -a 'none interval always' -d 'When results are flushed to disk'
complete -c hayfork -n '__hayfork_verb run map exec' -l queue -x -d 'Jobs accepted ahead'
complete -c hayfork -n '__hayfork_verb run map exec' -l max-result -x -d 'The largest result'
complete -c hayfork -n '__hayfork_verb run map exec call' -l timeout -x -d 'Time for each job: 250ms 5s 2m 1h'
complete -c hayfork -n '__hayfork_verb run map exec call' -l start-timeout -x -d 'Time for a worker to begin'
complete -c hayfork -n '__hayfork_verb run map exec call' -l grace -x -d 'Time between asking to end and killing'
complete -c hayfork -n '__hayfork_verb run map exec' -l retries -x -d 'Run again after an error'
complete -c hayfork -n '__hayfork_verb run map exec' -l retry-on -x \
    -a '(__hayfork_list error timeout crash)' -d 'Which failures are tried again'
complete -c hayfork -n '__hayfork_verb run map exec' -l retry-delay -x -d 'Time before the first retry'
complete -c hayfork -n '__hayfork_verb run map exec' -l retry-delay-max -x -d 'The longest time before a retry'
complete -c hayfork -n '__hayfork_verb run map exec' -l retry-timeouts -d 'Retry timeouts too'
complete -c hayfork -n '__hayfork_verb run map exec call' -l crash-retries -x -d 'Run again after the worker died'
complete -c hayfork -n '__hayfork_verb run map exec' -l halt -x -d 'End early' \
    -a 'never now,fail=1 now,fail=10% now,success=1 now,done=10 soon,fail=1 soon,fail=10% soon,success=1 soon,done=10'
complete -c hayfork -n '__hayfork_verb run map exec' -l max-fails -x -d 'End after more failures than this'
complete -c hayfork -n '__hayfork_verb run map exec' -l max-jobs-per-worker -x -d 'Replace a worker after N jobs'
complete -c hayfork -n '__hayfork_verb run map exec' -l max-worker-rss -x -d 'Replace a worker with more memory'
complete -c hayfork -n '__hayfork_verb run map exec' -l max-worker-age -x -d 'Replace a worker of this age'
complete -c hayfork -n '__hayfork_verb run map exec' -l limit -x \
    -a '(__hayfork_list mem= cpu= files= fsize=)' -d 'Bounds of each worker'
complete -c hayfork -n '__hayfork_verb run map exec' -l nice -x -d 'Niceness of the workers'
complete -c hayfork -n '__hayfork_verb run map exec' -l delay -x -d 'Between the starts of two jobs'
complete -c hayfork -n '__hayfork_verb run map exec' -l memfree -x -d 'Start jobs only with so much memory'
complete -c hayfork -n '__hayfork_verb run map exec' -l load -x -d 'Start jobs only below this load'
complete -c hayfork -n '__hayfork_verb run map exec' -l summary -d 'Say at the end what it came to'
complete -c hayfork -n '__hayfork_verb run map exec' -l no-summary -d 'No summary'
complete -c hayfork -n '__hayfork_verb run map exec' -l progress -x -a 'auto bar lines json none' -d 'How far it is'
complete -c hayfork -n '__hayfork_verb run map exec' -l joblog -rF -d 'A row for each job, as GNU parallel'
complete -c hayfork -n '__hayfork_verb run map exec' -l trace -rF -d 'Chrome trace events'
complete -c hayfork -n '__hayfork_verb run map exec' -l stderr -rF -a 'tag pass' -d 'Where plugins print'
complete -c hayfork -n '__hayfork_verb run map exec' -l meta -d 'More members in result lines'
complete -c hayfork -n '__hayfork_verb run map exec call' -l inline -d 'Without workers, for debuggers'
complete -c hayfork -n '__hayfork_verb run map exec' -l dry-run -d 'Print the jobs, run nothing'

complete -c hayfork -n '__hayfork_verb map' -l args -x -d 'Template of the arguments, as JSON'
complete -c hayfork -n '__hayfork_verb map exec' -l id -x -a 'line number' -d 'What the id of a result is'
complete -c hayfork -n '__hayfork_verb map exec' -s 0 -l null -d 'Lines end with NUL'
complete -c hayfork -n '__hayfork_verb exec' -s a -l arg-file -rF -d 'Lines of this file'
complete -c hayfork -n '__hayfork_verb exec' -s n -l max-args -x -d 'So many lines for each command'
complete -c hayfork -n '__hayfork_verb exec' -s I -l replace -x -d 'What alone stands for the line'
complete -c hayfork -n '__hayfork_verb exec' -s C -l colsep -x -d 'What is between the columns of a line'
complete -c hayfork -n '__hayfork_verb exec' -l shell -d 'The words are a shell script'
complete -c hayfork -n '__hayfork_verb exec' -l pipe -d 'Lines are the standard input of commands'
complete -c hayfork -n '__hayfork_verb exec' -l json -d 'Result lines, not output'
complete -c hayfork -n '__hayfork_verb exec' -s u -l ungroup -d 'Commands print at once, by themselves'
complete -c hayfork -n '__hayfork_verb exec' -l line-buffer -d 'Print whole lines as they come'
complete -c hayfork -n '__hayfork_verb exec' -l tag -d 'Each line of output begins with its argument'
complete -c hayfork -n '__hayfork_verb exec' -l max-output -x -d 'The most output of a command'
complete -c hayfork -n '__hayfork_verb results' -l plain -d 'What commands printed'
complete -c hayfork -n '__hayfork_verb info' -l json -d 'One JSON object'
complete -c hayfork -n '__hayfork_verb report' -s o -l output -rF -d 'Write the page here'
complete -c hayfork -n '__hayfork_verb report' -l trace -rF -d 'Times and workers of this trace'
