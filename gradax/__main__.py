"""`python -m gradax`: the version, the devices, the threads and the compilation cache."""

from gradax.environment import print_environment_info

if __name__ == "__main__":
    print_environment_info()
