from Cython.Build import cythonize
from setuptools import setup

setup(name="stranger", ext_modules=cythonize(["stranger.pyx"], language_level=3))
