complete -c envdir -s p -d 'Put PREFIX in front of every variable\'s name' -r -f
complete -c envdir -s f -d 'Take the whole file, less one newline at its end, not only the first line'
complete -c envdir -s i -d 'A directory that does not exist is an empty one'
complete -c envdir -s n -d 'Keep blanks and tabs at the end of values'
complete -c envdir -l help -d 'Print this help and exit'
complete -c envdir -l version -d 'Print the version and exit'
complete -c envdir -x -a "(__fish_complete_subcommand --fcs-skip=2 -- -p)"
