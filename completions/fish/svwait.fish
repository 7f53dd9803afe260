complete -c svwait -s t -d 'Wait no longer than this; decimals are allowed, 0 only looks' -r -f
complete -c svwait -s u -d 'Wait until they are up (default)'
complete -c svwait -s d -d 'Wait until they are down'
complete -c svwait -s r -d 'Wait until they are ready'
complete -c svwait -s a -d 'Wait for all of them (default)'
complete -c svwait -s o -d 'Wait for any one of them'
complete -c svwait -l appear -d 'Wait for a supervise, too, where none runs yet'
complete -c svwait -l help -d 'Print this help and exit'
complete -c svwait -l version -d 'Print the version and exit'
