complete -c svok -l help -d 'Print this help and exit'
complete -c svok -l version -d 'Print the version and exit'
