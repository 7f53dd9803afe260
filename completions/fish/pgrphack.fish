complete -c pgrphack -l help -d 'Print this help and exit'
complete -c pgrphack -l version -d 'Print the version and exit'
complete -c pgrphack -x -a "(__fish_complete_subcommand --fcs-skip=1)"
