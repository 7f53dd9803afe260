complete -c supervise -l help -d 'Print this help and exit'
complete -c supervise -l version -d 'Print the version and exit'
