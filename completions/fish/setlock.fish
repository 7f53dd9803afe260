complete -c setlock -s t -d 'Wait for so long at most; decimals are allowed' -r -f
complete -c setlock -s d -d 'Hold the lock on this descriptor, not on the lowest free one' -r -f
complete -c setlock -s n -d 'Do not wait for the lock'
complete -c setlock -s N -d 'Wait for the lock (default)'
complete -c setlock -s x -d 'Exit with 0 and without a word if the file cannot be opened or locked'
complete -c setlock -s X -d 'Exit with 111 and a message then (default)'
complete -c setlock -s s -d 'Lock for sharing: others with -s may hold it too'
complete -c setlock -l fcntl -d 'Take a POSIX record lock, as s6-setlock does, not a flock(2)'
complete -c setlock -l read-only -d 'Hold the flock(2) on a descriptor that can only read FILE'
complete -c setlock -l help -d 'Print this help and exit'
complete -c setlock -l version -d 'Print the version and exit'
complete -c setlock -x -a "(__fish_complete_subcommand --fcs-skip=2 -- -t -d)"
