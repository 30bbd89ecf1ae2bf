"""Echo servers, and a program that loads them."""
