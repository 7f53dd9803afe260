complete -c envuidgid -l help -d 'Print this help and exit'
complete -c envuidgid -l version -d 'Print the version and exit'
complete -c envuidgid -x -a "(__fish_complete_subcommand --fcs-skip=2)"
