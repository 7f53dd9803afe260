complete -c setsid -s c -l ctty -d 'Make the terminal on standard input the new session\'s'
complete -c setsid -s f -l fork -d 'Fork even where that is not needed'
complete -c setsid -s w -l wait -d 'If forked, wait for the program and exit with its status'
complete -c setsid -s h -l help -d 'Print this help and exit'
complete -c setsid -s V -l version -d 'Print the version and exit'
complete -c setsid -x -a "(__fish_complete_subcommand --fcs-skip=1)"
