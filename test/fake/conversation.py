# SPDX-License-Identifier: GPL-2.0-or-later
"""Conversations: their text -> steps, and the target's side of them over real sockets.

The language is described in conversations/README. parse() reads a file into one Script for
each of its variants; a Case plays one: it listens, and each connection that comes is a thread
that goes through the steps written for it. Whoever runs a case gives it a user, who carries
out the commands of the U-> lines. What went wrong is in case.failures, what was said in
case.transcript.
"""
import ast
import base64
import os
import re
import select
import socket
import struct
import threading
import time

import iscsi

I_NAME = "iqn.2014-06.com.benet:client1"
EXPECT_S = 15.0                 # for an I-> line without "within"
LIMIT_S = 40                    # for a case without "limit"


SLACK = 1.0                     # times are stretched by that much on a slow machine


class BadScript(Exception):
    """A conversation that can't be understood."""


class Failed(Exception):
    """Something that should have happened didn't, or the other way round."""


class Ended(Exception):
    """The case is over: what still runs of it stops."""


class NoMore(Exception):
    """The initiator closed where it may: the steps of this connection end here."""


class Closed(Exception):
    """The initiator ended the connection; how: FIN or RST."""


# ---- the text --------------------------------------------------------------------------


class Step:
    def __init__(self, kind, line, text, **more):
        self.kind, self.line, self.text = kind, line, text
        self.lines = []         # the indented lines below it
        self.__dict__.update(more)

    def __str__(self):
        return "line %d: %s" % (self.line, self.text)


class Block:
    """What is written for a connection: to which portal, when, and its steps."""

    def __init__(self, line, portal="A", how="", after=None, within=None):
        self.line, self.portal = line, portal
        self.every = how == "every connection"          # all that come from now on
        self.at_last = how == "connection at last"      # again, if it ended with "or closes"
        self.if_closed = how == "connection if it closed"       # not needed if none did
        self.after, self.within = after, within
        self.steps = []


class Script:
    """One conversation, all variables of its variant filled in."""

    def __init__(self, path, name):
        self.path, self.name = path, name
        self.about = ""
        self.rows, self.sets, self.portals, self.flags = [], [], ["A"], set()
        self.special = {}       # portal -> "black hole", "dead" or "narrow"
        self.limit = LIMIT_S
        self.preamble, self.blocks, self.final = [], [], []


FIELD = re.compile(r"([A-Za-z0-9,_\-\[\]:]+)=(\{[^{}]*\}|\S+)")
PDU_LINE = re.compile(r"([A-Za-z\-]+)\s*(?:\((.*?)\))?\s*(?:\[(.*)\])?"
                      r"(?:\s+within\s+([\d.]+))?(?:\s+after\s+([\d.]+))?\s*$")


def _fields(text, line):
    fields = []
    rest = FIELD.sub("", text or "").strip()
    if rest:
        raise BadScript("line %d: '%s' isn't name=value" % (line, rest))
    for name, value in FIELD.findall(text or ""):
        if name == "CSG,NSG":
            csg, _, nsg = value.partition(",")
            fields += [("CSG", csg), ("NSG", nsg)]
        else:
            fields.append((name, value))
    return fields


def _pdu_step(kind, known, text, line):
    m = PDU_LINE.match(text)
    if not m or m.group(1) not in known:
        raise BadScript("line %d: no such PDU: %s" % (line, text))
    return Step(kind, line, text, pdu=m.group(1), fields=_fields(m.group(2), line),
                manner=m.group(3) or "", within=float(m.group(4) or EXPECT_S),
                after=float(m.group(5) or 0))


def _initiator_step(text, line):
    if text.endswith(" or closes"):
        step = _initiator_step(text[:-len(" or closes")], line)
        step.or_closes = True
        return step
    m = re.match(r"closes in the end(?: within ([\d.]+))?$", text)
    if m:
        return Step("closed_at_last", line, "I-> " + text, within=float(m.group(1) or EXPECT_S))
    m = re.match(r"closes(?: with (FIN|RST))?(?: after ([\d.]+))?(?: within ([\d.]+))?$", text)
    if m:
        return Step("closed", line, "I-> " + text, how=m.group(1),
                    after=float(m.group(2) or 0), within=float(m.group(3) or EXPECT_S))
    m = re.match(r"nothing for ([\d.]+)$", text)
    if m:
        return Step("nothing", line, "I-> " + text, seconds=float(m.group(1)))
    m = re.match(r"scans(?: within ([\d.]+))?$", text)
    if m:
        return Step("scans", line, "I-> " + text, within=float(m.group(1) or EXPECT_S))
    return _pdu_step("expect", iscsi.REQUESTS, text, line)


TARGET_ACTIONS = {
    "closes": "close", "resets": "reset", "half-closes": "half_close",
    "stops reading": "stop_reading", "sends urgent data": "urgent",
}


def _target_step(text, line):
    if text in TARGET_ACTIONS:
        return Step(TARGET_ACTIONS[text], line, "T-> " + text)
    m = re.match(r"waits ([\d.]+)$", text)
    if m:
        return Step("wait", line, "T-> " + text, seconds=float(m.group(1)))
    m = re.match(r"bytes\s*(?:\[(.*)\])?$", text)
    if m:
        return Step("bytes", line, "T-> " + text, manner=m.group(1) or "")
    return _pdu_step("send", set(iscsi.RESPONSES) | {"PDU"}, text, line)


def _step(text, line):
    m = re.match(r"(I->|T->|U\d?->|U\d?<-|log (?:says|lacks|at most \d+)|digests|expect|kernel)"
                 r"\s+(.*)$", text)
    if not m:
        return None
    what, rest = m.groups()
    if what == "I->":
        return _initiator_step(rest, line)
    if what == "T->":
        return _target_step(rest, line)
    if what == "digests":
        return Step("digests", line, text, which=rest.split())
    if what == "kernel":
        name, _, value = rest.partition(" = ")
        return Step("kernel", line, text, name=name.strip(), value=value.strip())
    if what == "expect":
        return Step("assert", line, text, expr=rest)
    if what.startswith("log"):
        most = re.sub(r"\D", "", what)
        return Step("log", line, text, says=what == "log says", pattern=rest,
                    most=int(most) if most else 0)
    who = re.sub(r"\D", "", what) or "0"
    if what.endswith("->"):
        return Step("command", line, text, who=who, command=rest)
    m = re.match(r"(\d+(?:\|\d+)*|\*)(?:\s+after\s+([\d.]+))?(?:\s+within\s+([\d.]+))?$", rest)
    if not m:
        raise BadScript("line %d: not a status: %s" % (line, rest))
    return Step("result", line, text, who=who, status=m.group(1),
                after=float(m.group(2) or 0), within=float(m.group(3) or 0))


def _connection(text, line):
    m = re.match(r"((?:every )?connection(?: at last| if it closed)?)(?: to ([A-Z]))?(?: after ([\d.]+))?"
                 r"(?: within ([\d.]+))?$", text)
    if not m:
        return None
    return Block(line, m.group(2) or "A", m.group(1),
                 float(m.group(3)) if m.group(3) else None,
                 float(m.group(4)) if m.group(4) else None)


def read_phrases(path):
    """Phrases: "phrase NAME" and the lines that ": NAME" in a conversation stands for."""
    phrases, name = {}, None
    with open(path, encoding="utf-8") as file:
        for text in file.read().splitlines():
            if text.startswith("#") or not text.strip():
                continue
            if text.startswith("phrase "):
                name = text[7:].strip()
                phrases[name] = []
            else:
                phrases[name].append(text)
    return phrases


def _expand(lines, phrases):
    for number, text in lines:
        if not text.startswith(": "):
            yield number, text
            continue
        name = text[2:].strip()
        if name not in phrases:
            raise BadScript("line %d: no phrase '%s'" % (number, name))
        yield from _expand([(number, p) for p in phrases[name]], phrases)


def _parse_lines(script, lines):
    steps, stack, last = script.preamble, [], None
    for number, text in lines:
        if text[0] in " \t":
            if last is None:
                raise BadScript("line %d: an indented line below nothing" % number)
            last.lines.append((number, text.strip()))
            continue
        text = text.rstrip()
        word, _, rest = text.partition(" ")
        rest = rest.strip()
        last = None
        if word == "rows":
            script.rows += rest.split()
        elif word == "set":
            name, equals, value = rest.partition(" = ")
            if not equals:
                raise BadScript("line %d: set NAME = VALUE" % number)
            script.sets.append((name.strip(), value.strip()))
        elif word == "limit":
            script.limit = float(rest)
        elif word == "portals":
            script.portals = rest.split()
        elif word == "portal":
            m = re.match(r"([A-Z]) is (a black hole|dead|narrow)$", rest)
            if not m:
                raise BadScript("line %d: no such portal" % number)
            script.special[m.group(1)] = m.group(2)
        elif word in ("pings", "scsi", "alone"):
            script.flags.add(word)
        elif word == "finally":
            steps = script.final
        elif word == "repeat":
            m = re.match(r"(\d+)(?:\.\.(\d+))?( until I closes)?$", rest)
            if not m:
                raise BadScript("line %d: repeat N, or N..M until I closes" % number)
            step = Step("repeat", number, text, least=int(m.group(1)),
                        most=int(m.group(2) or m.group(1)), until=bool(m.group(3)), steps=[])
            steps.append(step)
            stack.append(steps)
            steps = step.steps
        elif word == "end":
            if not stack:
                raise BadScript("line %d: end of nothing" % number)
            steps = stack.pop()
        else:
            block = _connection(text, number)
            if block:
                script.blocks.append(block)
                steps = block.steps
                continue
            step = _step(text, number)
            if not step:
                raise BadScript("line %d: can't understand '%s'" % (number, text))
            steps.append(step)
            last = step
    if stack:
        raise BadScript("a repeat without its end")


def _check(script):
    if not script.rows:
        raise BadScript("it names no rows")
    ends = {"closed", "closed_at_last", "close", "reset"}
    for block in script.blocks:
        if block.portal not in script.portals:
            raise BadScript("line %d: no portal %s" % (block.line, block.portal))
        if not any(step.kind in ends or (step.kind == "repeat" and step.until)
                   for step in block.steps):
            raise BadScript("line %d: this connection has no end" % block.line)


def parse(path, phrases):
    """A file -> its Scripts, one for each variant."""
    with open(path, encoding="utf-8") as file:
        text = file.read().splitlines()
    name = os.path.basename(path)[:-len(".conv")]
    about, lines, variants = [], [], []
    for number, line in enumerate(text, 1):
        if line.startswith("#"):
            if "SPDX" not in line:
                about.append(line.lstrip("# "))
        elif line.startswith("variant "):
            title, colon, rest = line[8:].partition(":")
            if not colon:
                raise BadScript("%s:%d: variant NAME: var = text" % (path, number))
            pairs = [part.partition(" = ") for part in rest.split(" | ")]
            variants.append((title.strip(), {k.strip(): v.strip() for k, _, v in pairs}))
        elif line.strip():
            lines.append((number, line))
    scripts = []
    for title, values in variants or [("", {})]:
        script = Script(path, name + ("/" + title if title else ""))
        script.about = " ".join(about).strip()
        filled = [(number, re.sub(r"<([a-z][a-z0-9_]*)>",
                                  lambda m: values.get(m.group(1), m.group(0)), line))
                  for number, line in lines]
        try:
            _parse_lines(script, _expand(filled, phrases))
            _check(script)
        except BadScript as e:
            raise BadScript("%s: %s" % (path, e)) from None
        scripts.append(script)
    return scripts


def parse_all(folder):
    phrases = read_phrases(os.path.join(folder, "phrases"))
    scripts = []
    for name in sorted(os.listdir(folder)):
        if name.endswith(".conv"):
            scripts += parse(os.path.join(folder, name), phrases)
    return scripts


def ready(sock, event, seconds):
    """Waits until @sock can be read or written; select() ends at a thousand descriptors."""
    poll = select.poll()
    try:
        poll.register(sock, event)
    except ValueError:          # closed
        raise Ended() from None
    return poll.poll(seconds * 1000)


# ---- a connection ----------------------------------------------------------------------


class Conn:
    def __init__(self, case, sock, number):
        self.case, self.sock, self.number = case, sock, number
        self.buffer = b""
        self.closed_at = None
        self.how_closed = None
        self.stat_sn = 1        # the next one
        self.acked = {0}        # what ExpStatSN may say by now
        self.acked_before = set()       # and in a NOP-Out that our last answer crossed
        self.unanswered = None  # the request that a response would answer
        self.cmd_sn = None      # what the next command must have
        self.final_sent = self.full_feature = False
        self.header_digest = self.data_digest = False
        self.request, self.requests = None, {}  # the last one, and of each opcode
        self.login = {}         # what stays the same in a login
        self.isid = None
        self.keys_sent = set()  # of this login phase
        self.text = b""         # what has come of a text that goes on
        self.got = {}           # key -> value, the last one
        self.challenge = {}     # what we sent of CHAP_A, CHAP_I, CHAP_C
        self.held = bytearray()  # to go out with the next PDU
        self.scsi_commands = 0
        self.pdus = 0           # that have come
        self.began = time.monotonic()
        self.in_one_piece = False
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    # -- receiving --

    def _more(self, deadline):
        while True:
            left = deadline - time.monotonic()
            if self.case.over.is_set():
                raise Ended()
            if left <= 0:
                raise TimeoutError()
            if not ready(self.sock, select.POLLIN, min(left, 0.5)):
                continue
            try:
                data = self.sock.recv(262144)
            except ConnectionResetError:
                self.end("RST")
                raise Closed("RST") from None
            except OSError:
                raise Ended() from None
            if not data:
                self.end("FIN")
                raise Closed("FIN")
            self.buffer += data
            return

    def end(self, how):
        if not self.closed_at:
            self.closed_at = time.monotonic()
            self.how_closed = how

    def _take(self, length, deadline):
        while len(self.buffer) < length:
            self._more(deadline)
        data, self.buffer = self.buffer[:length], self.buffer[length:]
        return data

    def receive(self, deadline):
        """The next PDU; TimeoutError, or Closed."""
        fresh = not self.buffer
        if fresh:
            self._more(deadline)
        got = len(self.buffer)
        head = self._take(iscsi.BHS, deadline)
        if self.header_digest and self._take(4, deadline) != iscsi.crc32c(head):
            raise Failed("a wrong header digest")
        pdu = iscsi.Pdu(head)
        length = pdu.get("DSL")
        pdu.ahs = self._take(4 * pdu.get("AHS"), deadline)
        data = self._take((length + 3) & ~3, deadline)
        pdu.data, pdu.pad = data[:length], data[length:]
        if self.data_digest and length and self._take(4, deadline) != iscsi.crc32c(data):
            raise Failed("a wrong data digest")
        self.in_one_piece = fresh and got >= iscsi.BHS + len(data)
        self.case.note(self, "I->", pdu)
        self.check(pdu)
        return pdu

    def next(self, deadline):
        """The next PDU that a conversation has to do with."""
        while True:
            pdu = self.receive(deadline)
            if not self.absorb(pdu):
                return pdu

    def absorb(self, pdu):
        """Pings of the kernel and SCSI commands, where the conversation leaves them to us."""
        flags = self.case.script.flags
        if pdu.opcode == 0x00 and pdu.get("ITT") != iscsi.NONE and "pings" in flags:
            self.send(self.response("NOP-In"), "")
            return True
        if pdu.opcode == 0x01 and "scsi" in flags:
            self.scsi_commands += 1
            self.answer_scsi(pdu)
            return True
        return False

    def answer_scsi(self, pdu):
        """Enough for a scan that finds no LUN: INQUIRY says so, REPORT LUNS has one entry."""
        cdb = pdu.header[32:48]
        data = b""
        if cdb[0] == 0x12 and not cdb[1] & 1:
            data = b"\x7f\0\x05\x02\x1f" + bytes(3) + b"FAKE    NO LUN          0001"
        elif cdb[0] == 0xa0:
            data = b"\0\0\0\x08" + bytes(12)
        wanted = int.from_bytes(pdu.header[20:24], "big")
        data = data[:wanted]
        if data and pdu.header[1] & 0x40:
            out = self.response("Data-In")
            out.header[1] = 0x80
            out.set("LUN", 0)
            out.set("TTT", iscsi.NONE)
            out.data = data
            out.set("StatSN", 0)
            self.send(out, "")
        out = self.response("SCSI-Response")
        out.header[1] = 0x80
        self.count(out)
        self.send(out, "")

    # -- checks that always hold --

    def check(self, pdu):
        wrong = iscsi.check_request(pdu)
        op = pdu.opcode
        if op in (0x03, 0x04):
            wrong += self.check_text(pdu)
        if op == 0x03:
            wrong += self.check_login(pdu)
        elif not self.full_feature:
            wrong.append("a %s in the login phase (4.2.4)" % pdu.name)
        self.check_numbers(pdu, wrong)
        self.request = self.requests[op] = pdu
        self.pdus += 1
        self.full_feature = self.final_sent     # it was too early, where that matters
        if op in iscsi.ANSWERS.values():
            self.unanswered = pdu
        if op in (0x03, 0x04) and not pdu.get("C"):
            self.got.update({k: v for k, v in pdu.pairs()})
        if wrong:
            raise Failed("%s: %s" % (pdu.name, "; ".join(wrong)))

    def check_text(self, pdu):
        """A text in pieces is read when the last has come, and as one."""
        wrong = []
        before = self.requests.get(0x04)
        if pdu.opcode == 0x04 and pdu.get("TTT") != iscsi.NONE and before and \
                pdu.get("ITT") != before.get("ITT"):
            wrong.append("another task tag in the middle of an answer (11.10.4)")
        self.text += pdu.data
        if not pdu.get("C"):
            pdu.text, self.text = self.text, b""
            wrong += iscsi.check_text(pdu.text)
        return wrong

    def check_login(self, pdu):
        wrong = []
        if self.full_feature:
            return ["a Login Request in full feature phase (4.2.4)"]
        for name in ("ISID", "ITT", "CID", "CmdSN"):
            value = pdu.get(name)
            if self.login.setdefault(name, value) != value:
                wrong.append("%s changes within the login (6.3)" % name)
        self.isid = self.login["ISID"]
        if not pdu.get("C"):
            for key, value in pdu.pairs():
                if key in self.keys_sent:
                    wrong.append("%s comes twice in a login (6.3)" % key)
                self.keys_sent.add(key)
        if self.request is None:
            keys = [key for key, _ in pdu.pairs()]
            for key in ("InitiatorName", "SessionType"):
                if key not in keys:
                    wrong.append("the first request lacks %s (6.3)" % key)
            if "TargetName" not in keys and ("SessionType", "Discovery") not in pdu.pairs():
                wrong.append("the first request lacks TargetName (13.4)")
        return wrong

    def check_numbers(self, pdu, wrong):
        exp = pdu.get("ExpStatSN")
        first = self.request is None
        if first and self.number == 1 and exp:
            wrong.append("ExpStatSN of the first request is %d, not 0 (11.12.9)" % exp)
        allowed = self.acked | (self.acked_before if pdu.opcode == 0x00 else set())
        if not first and exp not in allowed:
            wrong.append("ExpStatSN is %d, not %s (4.2.2.2)" %
                         (exp, " or ".join(map(str, sorted(allowed)))))
        if not first and pdu.opcode in (0x03, 0x04):
            self.acked, self.acked_before = {exp}, set()
        sn = pdu.get("CmdSN")
        if pdu.opcode == 0x03:
            self.cmd_sn = sn    # and the first command's (11.12.8)
            return
        if self.cmd_sn is not None and sn != self.cmd_sn:
            wrong.append("CmdSN is %d, not %d (4.2.2.1)" % (sn, self.cmd_sn))
        if not pdu.get("I") and self.cmd_sn is not None:
            self.cmd_sn = (self.cmd_sn + 1) & 0xffffffff

    # -- sending --

    def response(self, name):
        """A response to the last request, as a well-behaved target would give it."""
        out = iscsi.Pdu()
        out.header[0] = iscsi.RESPONSES[name]
        answered = {"NOP-In": 0x00, "SCSI-Response": 0x01, "Data-In": 0x01, "Login": 0x03,
                    "Text": 0x04, "Logout": 0x06}.get(name)
        request = self.requests.get(answered) or self.request or iscsi.Pdu()
        if name == "Login":
            out.header[8:14] = request.header[8:14]
            out.set("CSG", request.get("CSG") if self.request else 0)
        else:
            out.header[1] = 0x80
        if name in ("Async", "Reject"):
            out.set("ITT", iscsi.NONE)
        else:
            out.header[16:20] = request.header[16:20]
        if name in ("Text", "NOP-In"):
            out.set("TTT", iscsi.NONE)
        if name == "NOP-In":
            out.data = request.data
        if name == "Reject":
            out.set("reason", 4)
            out.data = bytes(request.header)
        if name == "SCSI-Response":
            out.header[8:16] = bytes(8)
        exp = self.cmd_sn or 0
        out.set("StatSN", self.stat_sn)
        out.set("ExpCmdSN", exp)
        out.set("MaxCmdSN", exp + 32 & 0xffffffff)
        return out

    def count(self, pdu, ours=None):
        """StatSN after @pdu: all but a NOP-In of our own and a failed login use one up."""
        if pdu.opcode == 0x20 and pdu.get("ITT") == iscsi.NONE:
            return
        if pdu.opcode == 0x23 and pdu.get("Status") >> 8:
            return
        if pdu.opcode == 0x25 and not pdu.get("StatSN"):
            return
        self.stat_sn = pdu.get("StatSN") + 1 & 0xffffffff
        # A request that is on its way may not know of it. In a login there is none, nor in a
        # discovery, whose next request follows the answer; a session's numbers are the kernel's.
        if not self.full_feature:
            self.acked = set()
        elif self.answers(pdu) and self.got.get("SessionType") == "Discovery":
            self.acked_before |= self.acked
            self.acked = set()
        self.acked.add(self.stat_sn)
        if self.answers(pdu):
            self.unanswered = None

    def answers(self, pdu):
        """Whether the initiator waits for @pdu."""
        asked = self.unanswered
        return asked is not None and iscsi.ANSWERS.get(pdu.opcode) == asked.opcode and \
            pdu.get("ITT") == asked.get("ITT")

    def send(self, pdu, manner):
        pdu.pad = b"" if "no padding" in manner else iscsi.padding(len(pdu.data))
        if pdu.data and "DSL" not in getattr(pdu, "by_hand", ()):
            pdu.set("DSL", len(pdu.data))
        data = pdu.encode(self.header_digest, self.data_digest)
        if "header digest wrong" in manner:
            data = data[:48] + bytes([data[48] ^ 1]) + data[49:]
        if "data digest wrong" in manner:
            data = data[:-1] + bytes([data[-1] ^ 1])
        self.case.note(self, "T->", pdu, manner)
        m = re.search(r"(\d+) times", manner)
        if m:
            data = self.copies(pdu, data, int(m.group(1)))
        self.send_bytes(data, manner)

    def copies(self, pdu, data, count):
        """As many PDUs of that kind, each with its StatSN; for floods, which have no digests."""
        out, sn = bytearray(data * count), pdu.get("StatSN")
        if self.stat_sn != sn:          # it uses them up
            for i in range(1, count):
                struct.pack_into(">I", out, i * len(data) + 24, sn + i & 0xffffffff)
            self.stat_sn = sn + count & 0xffffffff
            self.acked |= set(range(sn + 1, sn + count + 1))
        return bytes(out)

    def send_bytes(self, data, manner):
        m = re.search(r"only (\d+) bytes", manner)
        if m:
            data = data[:int(m.group(1))]
        if "with the next" in manner:
            self.held += data
            return
        data = bytes(self.held) + data
        self.held.clear()
        size, pause = len(data), 0.0
        m = re.search(r"in pieces of (\d+)", manner)
        if m:
            size, pause = int(m.group(1)), 0.002
        if "one byte a second" in manner:
            size, pause = 1, 1.0
        for at in range(0, len(data), size or 1):
            self._send_piece(data[at:at + size])
            if pause and at + size < len(data):
                self.case.sleep(pause)

    def _send_piece(self, data):
        deadline = time.monotonic() + 10
        while data:
            if self.case.over.is_set():
                raise Ended()
            if not ready(self.sock, select.POLLOUT, 0.5):
                if time.monotonic() > deadline:
                    raise Failed("the initiator doesn't read")
                continue
            try:
                data = data[self.sock.send(data):]
            except (ConnectionResetError, BrokenPipeError):
                self.end("RST")
                raise Closed("RST") from None

    def close(self, reset=False):
        if reset:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.end("us")
        self.sock.close()


# ---- a case ----------------------------------------------------------------------------


class Started:
    """A command of the user's, from the moment when it was asked for."""

    def __init__(self):
        self.done, self.command = threading.Event(), None


class Case:
    """A conversation being played. user: whoever carries out the commands, see play()."""

    def __init__(self, script, host, user, iqn="iqn.2026-01.com.example"):
        self.script, self.host, self.user = script, host, user
        self.target = "%s:%s" % (iqn, re.sub(r"[^a-z0-9.\-]+", "-", script.name.lower()))
        self.failures, self.transcript = [], []
        self.over = threading.Event()
        self.lock = threading.Lock()
        self.conns, self.expected = [], []
        self.changed = threading.Condition(self.lock)
        self.listeners, self.fillers = {}, []
        self.threads = []
        self.began = time.monotonic()
        self.commands = {}
        for portal in script.portals:
            self.listeners[portal] = self._listen(script.special.get(portal, ""))
        self.dead = self._listen("dead")
        self.dead_port = self.dead.getsockname()[1]
        self.fillers.append(self.dead)
        self.last_end = {}

    def _listen(self, how=""):
        sock = socket.socket()
        if how == "narrow":     # a receive window of about a kilobyte
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        sock.bind((self.host, 0))
        if how == "dead":       # bound, so that nobody else gets the port; refuses
            return sock
        sock.listen(0 if how == "a black hole" else 64)
        if how == "a black hole":       # nobody accepts, and the queue is full: SYNs vanish
            for _ in range(3):
                filler = socket.socket()
                filler.setblocking(False)
                filler.connect_ex(sock.getsockname())
                self.fillers.append(filler)
        return sock

    def port(self, portal="A"):
        return self.listeners[portal].getsockname()[1]

    # -- what is said, and what fails --

    def note(self, conn, direction, what, more=""):
        if len(self.transcript) < 400:
            self.transcript.append("%6.2f %s %s %s%s" % (
                time.monotonic() - self.began, conn.number if conn else " ", direction, what,
                " [%s]" % more if more else ""))

    def fail(self, text):
        self.note(None, "!!", text)
        self.failures.append(text)

    def sleep(self, seconds):
        if self.over.wait(seconds):
            raise Ended()

    # -- values --

    def names(self, conn, n=None):
        def response(secret, algorithm=None):
            c = conn.challenge
            return hex_of(iscsi.chap(algorithm or c["CHAP_A"], c["CHAP_I"], secret,
                                     c["CHAP_C"]))

        def proof(secret, algorithm=None):
            return hex_of(iscsi.chap(algorithm or conn.challenge["CHAP_A"],
                                     iscsi.number(conn.got["CHAP_I"]), secret,
                                     iscsi.unbinary(conn.got["CHAP_C"])))

        def hex_of(data):
            return "0x" + data.hex()

        def base64_of(data):
            return "0b" + base64.b64encode(data).decode()

        env = {"I": I_NAME, "T": self.target, "host": self.host, "n": n,
               "dead": "%s:%d" % (self.host, self.dead_port),
               "hex": hex_of, "base64": base64_of, "response": response, "proof": proof,
               "unbinary": iscsi.unbinary, "sid": self.user.sid,
               "bytes": bytes, "range": range, "len": len,
               "chr": chr, "str": str, "int": int, "case": self, "iscsi": iscsi, "os": os,
               "conn": lambda i: self.conns[i - 1], "this": conn,
               "got": conn.got if conn else {}}
        for portal in self.script.portals:
            env[portal] = "%s:%d" % (self.host, self.port(portal))
            env["port_" + portal] = self.port(portal)
        return env

    def fill(self, text, conn, n=None):
        """@text with each {expression} replaced; a str."""
        def one(match):
            value = eval(match.group(1), {"__builtins__": {}}, self.names(conn, n))
            return value.decode("latin-1") if isinstance(value, bytes) else str(value)
        return re.sub(r"\{([^{}]*)\}", one, text)

    def value(self, text, conn, base=0, n=None):
        """A field's value; +N and -N count from what it would be."""
        text = self.fill(text, conn, n)
        if text[:1] in "+-" and text[1:].isdigit():
            return base + int(text)
        return iscsi.number(text)

    def data(self, step, conn, n=None):
        """The bytes of the lines below a T-> line."""
        out = b""
        for number, line in step.lines:
            m = re.match(r"(\d+) times (.*)$", line)
            if m:
                for i in range(1, int(m.group(1)) + 1):
                    out += self.fill(m.group(2), conn, i).encode("utf-8",
                                                                 "surrogateescape") + b"\0"
                continue
            m = re.match(r'("(?:[^"\\]|\\.)*")(?: \* (\d+))?$', line)
            if m:
                text = ast.literal_eval("b" + m.group(1))
                out += text * int(m.group(2) or 1)
                continue
            if re.fullmatch(r"\{.*\}", line):
                value = eval(line[1:-1], {"__builtins__": {}}, self.names(conn, n))
                out += value if isinstance(value, bytes) else value.encode()
                continue
            if "=" not in line:
                raise Failed("line %d: neither a pair nor bytes: %s" % (number, line))
            key, _, value = self.fill(line, conn, n).partition("=")
            if conn and key in ("CHAP_A", "CHAP_I", "CHAP_C"):
                try:
                    conn.challenge[key] = iscsi.unbinary(value) if key == "CHAP_C" else \
                        iscsi.number(value)
                except ValueError:
                    pass        # meant to be wrong
            out += key.encode() + b"=" + value.encode("utf-8", "surrogateescape") + b"\0"
        return out

    # -- steps --

    def run_steps(self, steps, conn, n=None):
        for step in steps:
            if self.over.is_set():
                raise Ended()
            try:
                getattr(self, "do_" + step.kind)(step, conn, n)
            except Closed as e:
                raise Failed("%s: the initiator closed the connection (%s)" % (step, e)) \
                    from None
            except TimeoutError:
                raise Failed("%s: it didn't come" % step) from None
            except (Failed, Ended):
                raise
            except (KeyError, ValueError, TypeError, NameError, AttributeError,
                    IndexError) as e:
                raise Failed("%s: %s: %s" % (step, type(e).__name__, e)) from None

    def do_expect(self, step, conn, n):
        start = time.monotonic()
        try:
            pdu = conn.next(start + step.within * SLACK)
        except Closed:
            if getattr(step, "or_closes", False):
                raise NoMore() from None
            raise
        if pdu.name != step.pdu:
            raise Failed("%s: got a %s" % (step, pdu))
        if time.monotonic() - start < step.after:
            raise Failed("%s: it came after %.1f s" % (step, time.monotonic() - start))
        for name, value in step.fields:
            want = self.value(value, conn, pdu.get(name), n)
            if pdu.get(name) != want:
                raise Failed("%s: %s is 0x%x, not 0x%x" % (step, name, pdu.get(name), want))
        if "in one piece" in step.manner and not conn.in_one_piece:
            raise Failed("%s: header and data came apart" % step)
        if pdu.opcode in (0x03, 0x04):
            self.check_pairs(step, conn, pdu, n)

    def check_pairs(self, step, conn, pdu, n):
        pairs = pdu.pairs()
        got = dict(pairs)
        others, known = False, set()
        for number, line in step.lines:
            if line == "...":
                others = True
            elif line.startswith("no "):
                if line[3:] in got:
                    raise Failed("%s: it has %s=%s" % (step, line[3:], got[line[3:]]))
            elif re.match(r"\d+ times ", line):
                count, _, text = line.partition(" times ")
                for i in range(1, int(count) + 1):
                    known |= self.check_pair(step, conn, got, text, i)
            else:
                known |= self.check_pair(step, conn, got, line, n)
        extra = [key for key, _ in pairs if key not in known]
        if extra and not others:
            raise Failed("%s: it has %s too" % (step, ", ".join(extra[:9])))

    def check_pair(self, step, conn, got, line, n):
        if " ~ " in line:
            key, how, value = line.partition(" ~ ")
        else:
            key, how, value = self.fill(line, conn, n).partition("=")
        if key not in got:
            raise Failed("%s: it has no %s" % (step, key))
        if how == "=" and got[key] != value:
            raise Failed("%s: %s is '%.200s', not '%.200s'" % (step, key, got[key], value))
        if how == " ~ " and not re.search(value, got[key]):
            raise Failed("%s: %s is '%.200s'" % (step, key, got[key]))
        return {key}

    def do_closed(self, step, conn, n):
        start = time.monotonic()
        try:
            pdu = conn.next(start + step.within * SLACK)
        except Closed as e:
            took = time.monotonic() - start
            self.note(conn, "I->", "closes (%s)" % e)
            if step.how and str(e) != step.how:
                raise Failed("%s: it came with %s" % (step, e)) from None
            if took < step.after:
                raise Failed("%s: it came after %.1f s" % (step, took)) from None
            return
        raise Failed("%s: instead came a %s" % (step, pdu))

    def do_closed_at_last(self, step, conn, n):
        deadline = time.monotonic() + step.within * SLACK
        try:
            while True:
                conn.next(deadline)
        except Closed as e:
            self.note(conn, "I->", "closes (%s)" % e)

    def do_nothing(self, step, conn, n):
        try:
            pdu = conn.next(time.monotonic() + step.seconds)
        except TimeoutError:
            return
        except Closed:
            if getattr(step, "or_closes", False):
                raise NoMore() from None
            raise
        raise Failed("%s: there came a %s" % (step, pdu))

    def do_scans(self, step, conn, n):
        deadline = time.monotonic() + step.within * SLACK
        before = conn.scsi_commands
        while conn.scsi_commands == before:
            pdu = conn.receive(deadline)
            if not conn.absorb(pdu):
                raise Failed("%s: instead came a %s" % (step, pdu))

    def do_send(self, step, conn, n):
        if step.pdu == "PDU":
            out = conn.response("Async")
        else:
            out = conn.response(step.pdu)
        data = self.data(step, conn, n)
        if step.lines:
            out.data = data
        fields = dict(step.fields)
        out.by_hand = set(fields)
        ahs, opcode = 0, None
        for name, value in step.fields:
            m = re.match(r"byte\[(\d+)\]$", name)
            if m:
                out.header[int(m.group(1))] = self.value(value, conn, 0, n)
            elif name == "reserved":
                out.fill_reserved()
            elif name == "opcode":
                opcode = self.value(value, conn, 0, n)
            else:
                out.set(name, self.value(value, conn, out.get(name), n))
                ahs = out.get("AHS")
        out.ahs = bytes(4 * ahs)
        final = out.opcode == 0x23 and out.get("T") and out.get("NSG") == 3 and \
            not out.get("Status") >> 8
        if final and "TSIH" not in fields:
            out.set("TSIH", 1)
        if out.opcode == 0x24 and not out.get("F") and "TTT" not in fields:
            out.set("TTT", 0x1000 + (n or 0))
        whole = not re.search(r"only \d+ bytes", step.manner)
        if whole:
            conn.count(out)
        if opcode is not None:
            out.header[0] = opcode
        conn.final_sent = conn.final_sent or bool(final and whole)
        conn.full_feature = conn.final_sent and conn.request is not None
        try:
            conn.send(out, step.manner)
        except Closed:
            if "whoever reads it" not in step.manner:
                raise

    def do_bytes(self, step, conn, n):
        data = self.data(step, conn, n)
        self.note(conn, "T->", "%d bytes" % len(data), step.manner)
        try:
            conn.send_bytes(data, step.manner)
        except Closed:
            if "whoever reads it" not in step.manner:
                raise

    def do_close(self, step, conn, n):
        self.note(conn, "T->", "closes")
        conn.close()

    def do_reset(self, step, conn, n):
        self.note(conn, "T->", "resets")
        conn.close(reset=True)

    def do_half_close(self, step, conn, n):
        self.note(conn, "T->", "half-closes")
        conn.sock.shutdown(socket.SHUT_WR)

    def do_stop_reading(self, step, conn, n):
        conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)

    def do_urgent(self, step, conn, n):
        conn.sock.send(b"!", socket.MSG_OOB)

    def do_wait(self, step, conn, n):
        self.sleep(step.seconds)

    def do_digests(self, step, conn, n):
        conn.header_digest = "header" in step.which
        conn.data_digest = "data" in step.which

    def do_assert(self, step, conn, n):
        if not eval(step.expr, {"__builtins__": {}}, self.names(conn, n)):
            raise Failed("%s: not so" % step)

    def do_repeat(self, step, conn, n):
        for i in range(1, step.most + 1):
            try:
                self.run_steps(step.steps, conn, i)
            except Failed:
                # Where it may close, it does so instead of the first I-> line of a round.
                if step.until and conn.how_closed in ("FIN", "RST"):
                    if i - 1 < step.least:
                        raise Failed("%s: it closed in round %d" % (step, i)) from None
                    return
                raise
        if step.until:
            raise Failed("%s: it never closed" % step)

    def do_log(self, step, conn, n):
        self.user.log(self, step, self.fill(step.pattern, conn, n))

    def do_kernel(self, step, conn, n):
        self.user.kernel(self, step, step.name, self.fill(step.value, conn, n))

    def do_command(self, step, conn, n):
        command = self.fill(step.command, conn, n)
        self.note(conn, "U->", command)
        started = Started()
        self.commands[step.who] = started   # its connection may be here before it is back
        try:
            started.command = self.user.start(self, command)
        finally:
            started.done.set()

    def do_result(self, step, conn, n):
        if step.who not in self.commands:
            raise Failed("%s: of no command" % step)
        started = self.commands.pop(step.who)
        started.done.wait()
        result = self.user.wait(self, started.command,
                                self.began + self.script.limit * SLACK - time.monotonic())
        if not result:          # nobody who could tell
            return
        status, out, err, took = result
        self.note(conn, "U<-", "%d after %.2f s" % (status, took))
        for text in (out + err).splitlines()[:20]:
            self.note(conn, "   ", text)
        if step.status != "*" and str(status) not in step.status.split("|"):
            raise Failed("%s: status %d: %s" % (step, status, (err or out).strip()[-400:]))
        if step.within and took > step.within * SLACK:
            raise Failed("%s: it took %.1f s" % (step, took))
        if took < step.after:
            raise Failed("%s: it took %.1f s only" % (step, took))
        self.check_output(step, conn, n, out, err)

    def check_output(self, step, conn, n, out, err):
        lines, exact, others = out.splitlines(), [], False
        for _, line in step.lines:
            if line.startswith("~ "):
                if self.fill(line[2:], conn, n) not in err:
                    raise Failed("%s: it doesn't say '%s' but '%s'" %
                                 (step, self.fill(line[2:], conn, n), err.strip()[-300:]))
            elif line.startswith("!~ "):
                if self.fill(line[3:], conn, n) in err:
                    raise Failed("%s: it says '%s'" % (step, line[3:]))
            elif line.startswith("prints "):
                others = True
                if self.fill(line[7:], conn, n) not in out:
                    raise Failed("%s: it doesn't print '%s'" %
                                 (step, self.fill(line[7:], conn, n)))
            elif line.startswith("counts "):
                others = True
                if len(lines) != int(line[7:]):
                    raise Failed("%s: it prints %d lines" % (step, len(lines)))
            elif line == "...":
                others = True
            else:
                exact.append(self.fill(line, conn, n))
        if exact:
            missing = [line for line in exact if line not in lines]
            extra = [line for line in lines if line not in exact]
            if missing:
                raise Failed("%s: it doesn't print '%s' but '%s'" % (step, missing[0], out))
            if extra and not others:
                raise Failed("%s: it prints '%s' too" % (step, extra[0]))

    # -- threads --

    def _given_up(self, conn):
        """An initiator that reopens a session doesn't wait long for an answer to its first request,
        and this program may be slow; then it connects again."""
        return conn.how_closed in ("FIN", "RST") and conn.pdus <= 1 and \
            any(c.full_feature for c in self.conns if c is not conn)

    def _play_connection(self, conn, block):
        ended, closed, given_up = True, False, False
        try:
            self._check_time(block, conn)
            self.run_steps(block.steps, conn)
        except Failed as e:
            given_up = self._given_up(conn)
            if given_up:
                self.note(conn, "I->", "gives up")
                with self.lock:
                    self.waiting[block.portal].insert(0, block)
            else:
                self.fail(str(e))
                self.over.set()
        except NoMore:
            closed = True
            if block.at_last:
                with self.lock:
                    self.waiting[block.portal].insert(0, block)
                ended = False
        except Ended:
            pass
        finally:
            conn.end("us")
            try:
                conn.sock.close()
            except OSError:
                pass
            with self.lock:
                if not given_up:
                    self.last_end[None] = conn.closed_at
                if ended and not given_up and block in self.expected:
                    self.expected.remove(block)
                if not closed and not given_up:
                    self.expected = [b for b in self.expected if not b.if_closed]
                self.changed.notify_all()

    def _check_time(self, block, conn):
        last = self.last_end.get(None)
        if last is None or (block.after is None and block.within is None):
            return
        pause = conn.began - last
        if block.after is not None and pause < block.after:
            raise Failed("line %d: the connection came after %.2f s" % (block.line, pause))
        if block.within is not None and pause > block.within * SLACK:
            raise Failed("line %d: the connection came after %.2f s" % (block.line, pause))

    def _accept(self, portal, sock):
        blocks = self.waiting[portal]
        while True:
            try:
                client, _ = sock.accept()
            except OSError:
                return
            with self.lock:
                if not blocks and self.conns:   # see _given_up()
                    self.changed.wait_for(lambda: blocks or self.over.is_set(), 2)
                block = blocks[0] if blocks else None
                if block and not block.every:
                    blocks.pop(0)
                conn = Conn(self, client, len(self.conns) + 1)
                self.conns.append(conn)
            if not block:
                if not self.over.is_set():
                    self.fail("a connection to portal %s that nobody expected" % portal)
                    self.over.set()
                client.close()
                continue
            self.note(conn, "I->", "connects to portal %s" % portal)
            thread = threading.Thread(target=self._play_connection, args=(conn, block),
                                      daemon=True)
            thread.start()
            self.threads.append(thread)

    def play(self):
        """All of it; True if it went as written. close() afterwards."""
        self.began = time.monotonic()
        self.expected = [b for b in self.script.blocks if not b.every]
        self.waiting = {portal: [b for b in self.script.blocks if b.portal == portal]
                        for portal in self.listeners}
        for portal, sock in self.listeners.items():
            if self.script.special.get(portal, "narrow") != "narrow":
                continue
            thread = threading.Thread(target=self._accept, args=(portal, sock), daemon=True)
            thread.start()
        try:
            self.run_steps(self.script.preamble, None)
            deadline = self.began + self.script.limit * SLACK
            with self.lock:
                while self.expected and not self.over.is_set():
                    if not self.changed.wait(min(0.5, max(deadline - time.monotonic(), 0.01))) \
                            and time.monotonic() >= deadline:
                        break
            if self.over.is_set():
                return False
            if self.expected:
                raise Failed("the connection of line %d %s" % (
                    self.expected[0].line, "doesn't end" if self.conns else "never came"))
            self.run_steps(self.script.final, self.conns[-1] if self.conns else None)
            if self.commands:
                raise Failed("a command whose end nobody awaits")
        except Failed as e:
            self.fail(str(e))
        except Ended:
            pass
        return not self.failures

    def close(self):
        self.over.set()
        for sock in list(self.listeners.values()) + self.fillers:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            sock.close()
        for conn in self.conns:
            try:
                conn.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        for thread in self.threads:
            thread.join(3)
