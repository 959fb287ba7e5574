"""Forwarding over UDP and over TLS, to Debian's resolvers: what encryption costs a question.

upstreams    a forwarder of each software, DoT and port 53, one certificate
__main__     ours forwards to it over an emulated link, in clear text and encrypted by turns
"""
