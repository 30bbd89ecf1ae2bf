"""Try every consumer that is installed, and print docs/integration.md: python -m tests.integration > docs/integration.md"""

from .page import page

if __name__ == "__main__":
    print(page())
