complete -c nohup -l help -d 'Print this help and exit'
complete -c nohup -l version -d 'Print the version and exit'
complete -c nohup -x -a "(__fish_complete_subcommand --fcs-skip=1)"
