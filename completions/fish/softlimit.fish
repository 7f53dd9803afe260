complete -c softlimit -s a -d 'All memory together (address space), in bytes' -r -f
complete -c softlimit -s c -d 'Core file, in bytes' -r -f
complete -c softlimit -s d -d 'Data segment, in bytes' -r -f
complete -c softlimit -s f -d 'Size of files written, in bytes' -r -f
complete -c softlimit -s l -d 'Locked memory, in bytes' -r -f
complete -c softlimit -s m -d 'The four kinds of memory, -d -s -l -a, in bytes' -r -f
complete -c softlimit -s o -d 'Open descriptors: one above the highest number' -r -f
complete -c softlimit -s p -d 'Processes of the user' -r -f
complete -c softlimit -s r -d 'Resident memory, in bytes; Linux has no such limit' -r -f
complete -c softlimit -s s -d 'Stack, in bytes' -r -f
complete -c softlimit -s t -d 'Processor time, in seconds' -r -f
complete -c softlimit -l as -d 'As -a' -r -f
complete -c softlimit -l core -d 'As -c' -r -f
complete -c softlimit -l cpu -d 'As -t' -r -f
complete -c softlimit -l data -d 'As -d' -r -f
complete -c softlimit -l fsize -d 'As -f' -r -f
complete -c softlimit -l locks -d 'File locks and leases; without effect since Linux 2.4' -r -f
complete -c softlimit -l memlock -d 'As -l' -r -f
complete -c softlimit -l msgqueue -d 'POSIX message queues of the user, in bytes' -r -f
complete -c softlimit -l nice -d 'How far niceness may be raised: 20 less the lowest value, 1 to 40' -r -f
complete -c softlimit -l nofile -d 'As -o' -r -f
complete -c softlimit -l nproc -d 'As -p' -r -f
complete -c softlimit -l rss -d 'As -r' -r -f
complete -c softlimit -l rtprio -d 'Real-time priority' -r -f
complete -c softlimit -l rttime -d 'Real-time processor time without a blocking call, in microseconds' -r -f
complete -c softlimit -l sigpending -d 'Queued signals of the user' -r -f
complete -c softlimit -l stack -d 'As -s' -r -f
complete -c softlimit -l help -d 'Print this help and exit'
complete -c softlimit -l version -d 'Print the version and exit'
complete -c softlimit -x -a "(__fish_complete_subcommand --fcs-skip=1 -- -a -c -d -f -l -m -o -p -r -s -t --as --core --cpu --data --fsize --locks --memlock --msgqueue --nice --nofile --nproc --rss --rtprio --rttime --sigpending --stack)"
