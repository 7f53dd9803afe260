complete -c svscanboot -l help -d 'Print this help and exit'
complete -c svscanboot -l version -d 'Print the version and exit'
