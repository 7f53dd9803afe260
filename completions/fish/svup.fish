complete -c svup -s l -d 'Look at the service only, not at its log'
complete -c svup -s L -d 'Look at its log only'
complete -c svup -l help -d 'Print this help and exit'
complete -c svup -l version -d 'Print the version and exit'
