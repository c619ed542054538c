# A server that lets everybody in and misbehaves afterwards. Arguments: KIND HOST_KEY.
# Says "listening PORT" once and "fired" whenever a client meets the fault. Ends when its standard input does.
import os
import re
import socket
import sys
import threading

try:
    import paramiko
except ImportError:
    print("missing", flush=True)
    sys.exit(3)

KIND, HOST_KEY = sys.argv[1:3]
FOR_EVER = threading.Event()


def fired():
    print("fired", flush=True)


def until_stdin_ends():
    while os.read(0, 1):
        pass
    os._exit(0)


class Server(paramiko.ServerInterface):
    def get_allowed_auths(self, username):
        return "publickey,password,keyboard-interactive"

    def authenticate(self):
        if KIND == "auth-never-answered":
            fired()
            FOR_EVER.wait()
        return paramiko.AUTH_SUCCESSFUL

    def check_auth_publickey(self, username, key):
        return self.authenticate()

    def check_auth_password(self, username, password):
        return self.authenticate()

    def check_channel_request(self, kind, chanid):
        if KIND == "channel-refused":
            fired()
            return paramiko.OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED
        if KIND == "open-never-answered":
            fired()
            FOR_EVER.wait()
        if KIND == "disconnects-at-open":
            # RFC 4253 section 11.1: SSH_MSG_DISCONNECT, by the application, with a text and no language.
            packet = paramiko.Message()
            packet.add_byte(bytes([1]))
            packet.add_int(11)
            packet.add_string("closed for today")
            packet.add_string("")
            self.transport._send_message(packet)
            fired()
            FOR_EVER.wait()
        return paramiko.OPEN_SUCCEEDED

    def check_channel_env_request(self, channel, name, value):
        return False

    def check_channel_exec_request(self, channel, command):
        if KIND == "exec-never-answered":
            fired()
            FOR_EVER.wait()
        if KIND == "exec-refused":
            fired()
            return False
        if EXITED and KIND == "silent-after-exit":
            FOR_EVER.wait()
        if EXITED and KIND == "late-output":
            fired()
            EXITED[0].sendall(b"late output\n")
            EXITED[0].shutdown_write()
            EXITED[0].close()
            channel.send_exit_status(0)
            channel.shutdown_write()
            return True
        threading.Thread(target=after_exec, args=(channel, command), daemon=True).start()
        return True


def after_exec(channel, command):
    if KIND == "deaf":
        # Never reads, never answers EOF, signals or close.
        fired()
        FOR_EVER.wait()
    if KIND == "floods":
        fired()
        # 192 is in the range for local extensions (RFC 4250 section 4.1.2), of which there is none.
        packet = paramiko.Message()
        packet.add_byte(bytes([192]))
        packet.add_bytes(bytes(32000))
        # Ends when the client closes: sending fails then.
        while channel.get_transport().is_active():
            channel.get_transport()._send_user_message(packet)
        return
    # Every kind below takes the command's preamble, if there is one, until the client has nothing more to say.
    channel.settimeout(0.5)
    try:
        while channel.recv(65536):
            pass
    except socket.timeout:
        pass
    if KIND == "nothing-but-exit":
        channel.send_exit_status(0)
        fired()
        KEPT.append(channel)
        return
    if KIND in ("drops-link-after-exit", "late-output", "silent-after-exit"):
        # The line that the client's wrapper writes first; its word is in the command line.
        mark = re.search(rb"PABAWI-[0-9a-f]+", command)
        channel.sendall_stderr((mark.group() if mark else b"") + b" 4711\n")
        channel.sendall(b"some output\n")
        channel.send_exit_status(0)
        EXITED.append(channel)
        if KIND != "late-output":
            fired()
        if KIND == "drops-link-after-exit":
            channel.get_transport().sock.shutdown(socket.SHUT_RDWR)
        return
    channel.sendall(b"some output\n")
    if KIND == "no-exit-status":
        fired()
        channel.shutdown_write()
        channel.close()
    elif KIND == "channel-never-closed":
        channel.send_exit_status(7)
        channel.shutdown_write()
        fired()
        KEPT.append(channel)
    elif KIND == "drops-link":
        fired()
        channel.get_transport().sock.shutdown(socket.SHUT_RDWR)


# paramiko closes a channel that is collected as garbage.
KEPT = []
# Channels whose command has ended.
EXITED = []


def serve(connection, key):
    transport = paramiko.Transport(connection)
    KEPT.append(transport)
    transport.add_server_key(key)
    try:
        server = Server()
        server.transport = transport
        transport.start_server(server=server)
    except (paramiko.SSHException, EOFError, OSError):
        return
    while transport.is_active():
        channel = transport.accept(5)
        if channel is not None:
            KEPT.append(channel)


threading.Thread(target=until_stdin_ends, daemon=True).start()
host_key = paramiko.Ed25519Key(filename=HOST_KEY)
listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen(64)
print("listening", listener.getsockname()[1], flush=True)
while True:
    client, _ = listener.accept()
    threading.Thread(target=serve, args=(client, host_key), daemon=True).start()
