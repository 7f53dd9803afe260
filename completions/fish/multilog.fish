complete -c multilog -l help -d 'Print this help and exit'
complete -c multilog -l version -d 'Print the version and exit'
