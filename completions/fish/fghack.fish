complete -c fghack -l subreaper -d 'Wait for all descendants, without descriptors, and hand signals on to them'
complete -c fghack -l help -d 'Print this help and exit'
complete -c fghack -l version -d 'Print the version and exit'
complete -c fghack -x -a "(__fish_complete_subcommand --fcs-skip=1)"
