"""Forwarding in clear text and encrypted, to Debian's resolvers: what encryption costs a question.

upstreams    a forwarder of each software, DoT, DoH and port 53, one certificate
doq_server   one of our own over QUIC, which Debian's do not speak
__main__     ours forwards to it over an emulated link, in clear text and encrypted by turns
"""
