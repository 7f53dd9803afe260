complete -c setuidgid -s s -d 'Take all supplementary groups of the account, not only its own group'
complete -c setuidgid -s k -d 'Keep the supplementary groups of the caller'
complete -c setuidgid -s q -d 'Change no id where all are the account\'s already'
complete -c setuidgid -l help -d 'Print this help and exit'
complete -c setuidgid -l version -d 'Print the version and exit'
complete -c setuidgid -x -a "(__fish_complete_subcommand --fcs-skip=2)"
