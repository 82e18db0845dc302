# SPDX-License-Identifier: GPL-2.0-or-later
"""The PDUs of RFC 7143, 11, as a target sees them: fields by name, digests, CHAP answers.

Nothing here knows of sockets or conversations. A field is named as the RFC names it; what is
reserved in a PDU is listed, so that it can be checked in a request and filled with rubbish in
a response.
"""
import hashlib
import re
import struct

BHS = 48
NONE = 0xffffffff               # the reserved tag

NAMES = {                       # opcode -> name
    0x00: "NOP-Out", 0x01: "SCSI-Command", 0x02: "Task-Management", 0x03: "Login",
    0x04: "Text", 0x05: "Data-Out", 0x06: "Logout", 0x10: "SNACK",
    0x20: "NOP-In", 0x21: "SCSI-Response", 0x22: "Task-Management", 0x23: "Login",
    0x24: "Text", 0x25: "Data-In", 0x26: "Logout", 0x31: "R2T", 0x32: "Async", 0x3f: "Reject",
}
REQUESTS = {name: op for op, name in NAMES.items() if op < 0x20}
RESPONSES = {name: op for op, name in NAMES.items() if op >= 0x20}
ANSWERS = {0x23: 0x03, 0x24: 0x04, 0x26: 0x06}  # response -> its request, but for SCSI and pings

# Fields of all PDUs and of single ones: name -> (offset, length).
COMMON = {"flags": (1, 1), "AHS": (4, 1), "DSL": (5, 3), "LUN": (8, 8), "ITT": (16, 4),
          "TTT": (20, 4)}
REQUEST_FIELDS = {"CmdSN": (24, 4), "ExpStatSN": (28, 4), "ISID": (8, 6), "TSIH": (14, 2),
                  "CID": (20, 2), "Version-max": (2, 1), "Version-min": (3, 1)}
RESPONSE_FIELDS = {"StatSN": (24, 4), "ExpCmdSN": (28, 4), "MaxCmdSN": (32, 4),
                   "ISID": (8, 6), "TSIH": (14, 2), "Version-max": (2, 1),
                   "Version-active": (3, 1), "Status": (36, 2), "response": (2, 1),
                   "reason": (2, 1), "Time2Wait": (40, 2), "Time2Retain": (42, 2),
                   "event": (36, 1), "vcode": (37, 1), "P1": (38, 2), "P2": (40, 2),
                   "P3": (42, 2), "status": (3, 1)}

# What must be 0 in a request, as (offset, bits).
RESERVED_REQUEST = {
    0x03: [(1, 0x30)] + [(i, 0xff) for i in (22, 23, *range(32, 48))],
    0x04: [(1, 0x3f)] + [(i, 0xff) for i in (2, 3, *range(32, 48))],
    0x06: [(i, 0xff) for i in (2, 3, *range(8, 16), 22, 23, *range(32, 48))],
    0x00: [(1, 0x7f)] + [(i, 0xff) for i in (2, 3, *range(32, 48))],
}
# What a receiver must ignore in a response.
RESERVED_RESPONSE = {
    0x23: [(1, 0x30)] + [(i, 0xff) for i in (*range(20, 24), *range(38, 48))],
    0x24: [(1, 0x3f)] + [(i, 0xff) for i in (2, 3, *range(36, 48))],
    0x26: [(1, 0x7f)] + [(i, 0xff) for i in (3, *range(8, 16), *range(20, 24),
                                            *range(36, 40), *range(44, 48))],
    0x20: [(1, 0x7f)] + [(i, 0xff) for i in (2, 3, *range(36, 48))],
    0x32: [(1, 0x7f)] + [(i, 0xff) for i in (2, 3, *range(20, 24), *range(44, 48))],
    0x3f: [(1, 0x7f)] + [(i, 0xff) for i in (3, *range(8, 16), *range(20, 24),
                                            *range(40, 48))],
}


def number(text):
    """A number as conversations write it: decimal, 0x.., or eight hex digits of a tag."""
    if re.fullmatch(r"0[xX][0-9a-fA-F]+", text):
        return int(text, 16)
    if text.lower() == "ffffffff":
        return NONE
    return int(text)


class Pdu:
    """A header of 48 bytes and its data; made from bytes that came or to be sent."""

    def __init__(self, header=bytes(BHS), data=b"", pad=b"", ahs=b""):
        self.header = bytearray(header)
        self.data = data
        self.pad = pad
        self.ahs = ahs
        self.text = None        # the whole, where data is the last piece of it

    @property
    def opcode(self):
        return self.header[0] & 0x3f

    @property
    def name(self):
        return NAMES.get(self.opcode, "opcode 0x%02x" % self.opcode)

    def _place(self, name):
        fields = REQUEST_FIELDS if self.opcode < 0x20 else RESPONSE_FIELDS
        return fields.get(name) or COMMON[name]

    def get(self, name):
        """A field's value; single bits and bit fields too."""
        flags = self.header[1]
        bits = {"T": flags >> 7, "F": flags >> 7, "C": flags >> 6 & 1, "CSG": flags >> 2 & 3,
                "NSG": flags & 3, "I": self.header[0] >> 6 & 1}
        if name in bits:
            return bits[name]
        if name == "reason" and self.opcode == 0x06:
            return flags & 0x7f
        if name == "CDB":
            return self.header[32]
        at, length = self._place(name)
        return int.from_bytes(self.header[at:at + length], "big")

    def set(self, name, value):
        bits = {"T": (7, 1), "F": (7, 1), "C": (6, 1), "CSG": (2, 3), "NSG": (0, 3)}
        if name in bits:
            shift, mask = bits[name]
            self.header[1] = self.header[1] & ~(mask << shift) | (value & mask) << shift
            return
        if name == "opcode":
            self.header[0] = value
            return
        at, length = self._place(name)
        self.header[at:at + length] = (value & (1 << 8 * length) - 1).to_bytes(length, "big")

    def fill_reserved(self):
        for at, bits in RESERVED_RESPONSE[self.opcode]:
            self.header[at] |= bits

    def pairs(self):
        """The text as a list of (key, value); a piece without '=' has the value None."""
        out = []
        for piece in (self.data if self.text is None else self.text).split(b"\0"):
            if piece:
                key, equals, value = piece.partition(b"=")
                out.append((key.decode("utf-8", "backslashreplace"),
                            value.decode("utf-8", "surrogateescape") if equals else None))
        return out

    def encode(self, header_digest=False, data_digest=False):
        """All bytes of it. A DSL that was set by hand stays, whatever the data are."""
        out = bytes(self.header) + self.ahs
        if header_digest:
            out += crc32c(out)
        if self.data:
            data = self.data + self.pad
            out += data
            if data_digest:
                out += crc32c(data)
        return out

    def __str__(self):
        flags = []
        op = self.opcode
        if op in (0x03, 0x23):
            flags.append("CSG,NSG=%d,%d T=%d" % (self.get("CSG"), self.get("NSG"), self.get("T")))
            if self.get("C"):
                flags.append("C=1")
        elif op in (0x04, 0x24):
            flags.append("F=%d TTT=%x" % (self.get("F"), self.get("TTT")))
        elif op in (0x00, 0x20):
            flags.append("ITT=%x TTT=%x" % (self.get("ITT"), self.get("TTT")))
        elif op == 0x32:
            flags.append("event=%d P1=%d P2=%d P3=%d" % tuple(
                self.get(n) for n in ("event", "P1", "P2", "P3")))
        elif op == 0x06:
            flags.append("reason=%d" % self.get("reason"))
        elif op in (0x26, 0x3f):
            flags.append("%d" % self.header[2])
        elif op == 0x01:
            flags.append("CDB=0x%02x" % self.header[32])
        if op == 0x23 and self.get("Status"):
            flags.append("Status=0x%04x" % self.get("Status"))
        text = "%s (%s)" % (self.name, " ".join(flags))
        if self.data and op in (0x03, 0x23, 0x04, 0x24):
            shown = self.data[:600].replace(b"\0", b" ").decode("ascii", "backslashreplace")
            text += " " + shown + ("..." if len(self.data) > 600 else "")
        elif self.data:
            text += " %d bytes" % len(self.data)
        return text


def padding(length):
    return bytes(-length % 4)


def _crc_table():
    table = []
    for i in range(256):
        for _ in range(8):
            i = i >> 1 ^ (0x82f63b78 if i & 1 else 0)
        table.append(i)
    return table


_CRC = _crc_table()


def crc32c(data):
    """The digest of RFC 7143, 13.1, as the four bytes on the wire."""
    crc = 0xffffffff
    for byte in data:
        crc = crc >> 8 ^ _CRC[(crc ^ byte) & 0xff]
    return struct.pack("<I", crc ^ 0xffffffff)


CHAP = {5: hashlib.md5, 6: hashlib.sha1, 7: hashlib.sha256, 8: hashlib.sha3_256}


def chap(algorithm, identifier, secret, challenge):
    """RFC 1994, 4.1: the digest of identifier, secret and challenge."""
    return CHAP[algorithm](bytes([identifier]) + secret.encode() + challenge).digest()


def unbinary(text):
    """A hex or base64 constant of RFC 7143, 6.1 -> bytes."""
    import base64
    if text[:2] in ("0x", "0X"):
        digits = text[2:]
        return bytes.fromhex("0" * (len(digits) % 2) + digits)
    if text[:2] in ("0b", "0B"):
        return base64.b64decode(text[2:], validate=True)
    raise ValueError("not a binary constant: " + text[:40])


def check_request(pdu):
    """What must hold in any request (RFC 7143, 11); a list of what doesn't."""
    wrong = []
    head = pdu.header
    op = pdu.opcode
    if head[0] & 0x80:
        wrong.append("bit 7 of byte 0 is set")
    if op not in REQUESTS.values():
        return wrong + ["opcode 0x%02x is no request" % op]
    if op == 0x03 and not head[0] & 0x40:
        wrong.append("a Login Request without the I bit (11.12)")
    if pdu.get("AHS") and op not in (0x01,):
        wrong.append("TotalAHSLength is %d" % pdu.get("AHS"))
    for at, bits in RESERVED_REQUEST.get(op, []):
        if head[at] & bits:
            wrong.append("reserved byte %d is 0x%02x" % (at, head[at]))
    if any(pdu.pad):
        wrong.append("the padding isn't zero")
    if op == 0x06 and (pdu.data or not pdu.get("F")):
        wrong.append("a Logout Request with data, or without its F bit (11.14)")
    if op == 0x06 and not pdu.get("reason") and head[20:22] != b"\0\0":
        wrong.append("CID is reserved when the session is closed (11.14.3)")
    if op in (0x03, 0x04, 0x06) and pdu.get("ITT") == NONE:
        wrong.append("the reserved task tag (11.2.1.8)")
    if op == 0x00 and not pdu.get("F"):
        wrong.append("a NOP-Out without its F bit (11.18)")
    if op == 0x00 and pdu.get("ITT") == NONE and (not pdu.get("I") or pdu.data):
        wrong.append("a NOP-Out that answers is immediate and has no data (11.18)")
    if op == 0x03:
        if pdu.get("TSIH"):
            wrong.append("TSIH is %d in a new session (11.12.6)" % pdu.get("TSIH"))
        if pdu.get("Version-max") or pdu.get("Version-min"):
            wrong.append("the version isn't 0 (11.12.4)")
        if head[8] >> 6 == 3:
            wrong.append("an ISID of the reserved type (11.12.5)")
        if pdu.get("T") and pdu.get("C"):
            wrong.append("T and C together (11.12.3)")
        if not pdu.get("T") and pdu.get("NSG"):
            wrong.append("NSG is reserved without T (11.12.3)")
        if pdu.get("T") and (pdu.get("CSG"), pdu.get("NSG")) not in ((0, 1), (0, 3), (1, 3)):
            wrong.append("no such transition: %d to %d (6.3)" % (pdu.get("CSG"), pdu.get("NSG")))
        if len(pdu.data) > 8192:
            wrong.append("%d bytes of text in a login (6.3)" % len(pdu.data))
    return wrong


def check_text(text):
    """What must hold in a whole text of the initiator's (RFC 7143, 6.1)."""
    wrong = []
    if text and text[-1]:
        wrong.append("the text doesn't end in a NUL (6.1)")
    if b"\0\0" in text or text[:1] == b"\0":
        wrong.append("there is an empty pair in the text")
    return wrong
