complete -c readproctitle -l help -d 'Print this help and exit'
complete -c readproctitle -l version -d 'Print the version and exit'
