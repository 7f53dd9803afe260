complete -c pidfile-lock -s t -d 'Wait for so long at most; decimals are allowed' -r -f
complete -c pidfile-lock -s E -d 'Exit with CODE, not 75, if another process holds the file' -r -f
complete -c pidfile-lock -s d -d 'Hold the lock on this descriptor, not on the lowest free one from 10 on' -r -f
complete -c pidfile-lock -s m -d 'Give the file exactly this mode, which may let group and others write' -r -f
complete -c pidfile-lock -s l -d 'Lock this file instead, and write FILE anew each time' -r -f
complete -c pidfile-lock -s n -d 'Do not wait for the lock (default)'
complete -c pidfile-lock -s N -d 'Wait for the lock'
complete -c pidfile-lock -s x -d 'Exit with 0 and without a word if another process holds the file'
complete -c pidfile-lock -s X -d 'Exit with 75 and a message then (default)'
complete -c pidfile-lock -l flock -d 'Take a flock(2), as setlock does, not a POSIX record lock'
complete -c pidfile-lock -l help -d 'Print this help and exit'
complete -c pidfile-lock -l version -d 'Print the version and exit'
complete -c pidfile-lock -x -a "(__fish_complete_subcommand --fcs-skip=2 -- -t -E -d -m -l)"
