complete -c tai64n -l help -d 'Print this help and exit'
complete -c tai64n -l version -d 'Print the version and exit'
