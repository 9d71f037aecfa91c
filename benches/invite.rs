//! The INVITE that is read in benches, and counted over in tests.

/// 1.1 kB, as a softphone sends it through one proxy.
pub(crate) const INVITE: &str = "INVITE sip:+31201234567@calls.example.com SIP/2.0\r\n\
Via: SIP/2.0/UDP 203.0.113.7:5060;branch=z9hG4bK8d2f.a1b2c3d4e5f60718293a4b5c6d7e8f90.0;rport\r\n\
Via: SIP/2.0/UDP 192.168.1.20:5062;received=198.51.100.20;branch=z9hG4bK-524287-1---1f2e3d4c5b6a7988;rport=5062\r\n\
Record-Route: <sip:203.0.113.7;lr;ftag=5c6b7a89>\r\n\
Max-Forwards: 69\r\n\
Contact: <sip:0612345678@198.51.100.20:5062;transport=UDP>\r\n\
To: <sip:+31201234567@calls.example.com>\r\n\
From: \"Anna de Boer\" <sip:0612345678@provider.example.net>;tag=5c6b7a89\r\n\
Call-ID: 7f8e9d0c-1b2a-3948-5766-758493a2b1c0@192.168.1.20\r\n\
CSeq: 1 INVITE\r\n\
Allow: INVITE, ACK, CANCEL, BYE, NOTIFY, REFER, MESSAGE, OPTIONS, INFO, SUBSCRIBE, UPDATE\r\n\
Content-Type: application/sdp\r\n\
Supported: replaces, 100rel, timer, norefersub\r\n\
Session-Expires: 1800\r\n\
Min-SE: 90\r\n\
User-Agent: Softphone 5.6.7 (desktop)\r\n\
P-Asserted-Identity: <sip:0612345678@provider.example.net>\r\n\
Content-Length: 246\r\n\
\r\n\
v=0\r\n\
o=- 1753000000 1 IN IP4 198.51.100.20\r\n\
s=call\r\n\
c=IN IP4 198.51.100.20\r\n\
t=0 0\r\n\
m=audio 40000 RTP/AVP 8 0 9 101\r\n\
a=rtpmap:8 PCMA/8000\r\n\
a=rtpmap:0 PCMU/8000\r\n\
a=rtpmap:9 G722/8000\r\n\
a=rtpmap:101 telephone-event/8000\r\n\
a=fmtp:101 0-15\r\n\
a=sendrecv\r\n";

/// So that a change of the message's text does not go unnoticed.
const _: () = assert!(INVITE.len() > 1_100);
