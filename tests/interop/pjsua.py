"""An operator's or a caller's phone on pjsua2, told what to do by lines on stdin.

    pjsua.py FOLDER SIP_PORT RTP_PORT [USER DOMAIN PROXY]

With USER it registers. It plays FOLDER/tone.wav and records into FOLDER/heard-N.wav, N
counting its calls from 0. It prints `ready`, then a line for each thing that happens:
`ringing N`, `confirmed N`, `over N CODE`, `media N active|hold|remote-hold`, `transfer N
CODE`. Commands: `dial URI`, `answer N`, `hold N`, `resume N`, `send N URI` (blind
transfer), `join N M` (attended), `keys N DIGITS`, `hangup N`, `quit`.
"""

import os
import queue
import sys
import threading

import pjsua2 as pj

calls = []


def say(*words):
    print(*words, flush=True)


class Call(pj.Call):
    def __init__(self, account, number=pj.PJSUA_INVALID_ID):
        super().__init__(account, number)
        self.index = len(calls)
        self.player = self.recorder = None
        calls.append(self)

    def onCallState(self, _):
        info = self.getInfo()
        if info.state == pj.PJSIP_INV_STATE_CONFIRMED:
            say("confirmed", self.index)
        elif info.state == pj.PJSIP_INV_STATE_DISCONNECTED:
            say("over", self.index, info.lastStatusCode)

    def onCallMediaState(self, _):
        info = self.getInfo()
        for media in info.media:
            if media.type != pj.PJMEDIA_TYPE_AUDIO:
                continue
            if media.status == pj.PJSUA_CALL_MEDIA_ACTIVE:
                self.sound(media.index)
                say("media", self.index, "active")
            elif media.status == pj.PJSUA_CALL_MEDIA_LOCAL_HOLD:
                say("media", self.index, "hold")
            elif media.status == pj.PJSUA_CALL_MEDIA_REMOTE_HOLD:
                say("media", self.index, "remote-hold")

    def sound(self, index):
        audio = self.getAudioMedia(index)
        if self.player is None:
            self.player = pj.AudioMediaPlayer()
            self.player.createPlayer(f"{folder}/tone.wav", 0)
            self.recorder = pj.AudioMediaRecorder()
            self.recorder.createRecorder(f"{folder}/heard-{self.index}.wav")
        self.player.startTransmit(audio)
        audio.startTransmit(self.recorder)

    def onCallTransferStatus(self, parameters):
        say("transfer", self.index, parameters.statusCode)


class Account(pj.Account):
    def onRegState(self, parameters):
        say("registered", parameters.code)

    def onIncomingCall(self, parameters):
        call = Call(self, parameters.callId)
        say("ringing", call.index)
        answer = pj.CallOpParam()
        answer.statusCode = 180
        call.answer(answer)


def obey(account, line):
    verb, *words = line.split()
    if verb == "dial":
        Call(account).makeCall(words[0], pj.CallOpParam(True))
        return
    call = calls[int(words[0])]
    if verb == "answer":
        answer = pj.CallOpParam()
        answer.statusCode = 200
        call.answer(answer)
    elif verb == "hold":
        call.setHold(pj.CallOpParam(True))
    elif verb == "resume":
        again = pj.CallOpParam(True)
        again.opt.flag = pj.PJSUA_CALL_UNHOLD
        call.reinvite(again)
    elif verb == "send":
        call.xfer(words[1], pj.CallOpParam(True))
    elif verb == "join":
        call.xferReplaces(calls[int(words[1])], pj.CallOpParam(True))
    elif verb == "keys":
        call.dialDtmf(words[1])
    elif verb == "hangup":
        call.hangup(pj.CallOpParam())
    else:
        say("unknown", verb)


def endpoint(sip_port):
    made = pj.Endpoint()
    made.libCreate()
    config = pj.EpConfig()
    config.uaConfig.threadCnt = 0
    config.uaConfig.mainThreadOnly = True
    config.logConfig.level = 4
    config.logConfig.consoleLevel = 0
    config.logConfig.filename = f"{folder}/pjsua.log"
    config.medConfig.clockRate = config.medConfig.sndClockRate = 8000
    config.medConfig.noVad = True
    config.medConfig.ecTailLen = 0
    made.libInit(config)
    transport = pj.TransportConfig()
    transport.port = sip_port
    transport.boundAddress = transport.publicAddress = "127.0.0.1"
    number = made.transportCreate(pj.PJSIP_TRANSPORT_UDP, transport)
    made.libStart()
    made.audDevManager().setNullDev()
    return made, number


def account(transport, rtp_port, user=None, domain=None, proxy=None):
    config = pj.AccountConfig()
    config.idUri = f"sip:{user}@{domain}" if user else "sip:0612345678@127.0.0.1"
    config.sipConfig.transportId = transport
    if user:
        config.regConfig.registrarUri = f"sip:{domain}"
        config.sipConfig.proxies.append(f"sip:{proxy};lr")
        config.sipConfig.authCreds.append(pj.AuthCredInfo("digest", "*", user, 0, user))
    media = config.mediaConfig.transportConfig
    media.port = rtp_port
    media.portRange = 900
    media.boundAddress = media.publicAddress = "127.0.0.1"
    made = Account()
    made.create(config)
    return made


folder = sys.argv[1]
phone, udp = endpoint(int(sys.argv[2]))
mine = account(udp, int(sys.argv[3]), *sys.argv[4:])
lines = queue.Queue()


def listen():
    for line in sys.stdin:
        lines.put(line)
    lines.put("quit")


threading.Thread(target=listen, daemon=True).start()
say("ready")
while True:
    phone.libHandleEvents(10)
    try:
        said = lines.get_nowait().strip()
    except queue.Empty:
        continue
    if said == "quit":
        break
    try:
        obey(mine, said)
    except pj.Error as error:
        say("error", said, error.info())
# The library's own end waits for objects that outlive it, so there is none.
os._exit(0)
