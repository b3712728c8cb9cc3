typedef int paths_stub;
