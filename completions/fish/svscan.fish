complete -c svscan -l help -d 'Print this help and exit'
complete -c svscan -l version -d 'Print the version and exit'
