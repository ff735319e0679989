"""In the network namespace of a container that nothing is asked of. Echoes TCP; keeps one connection to its peer and sends a byte ten
times a second over it; sends its network's name by UDP to everybody in other networks, and counts what comes from one.
Usage: bystander.py NETWORK PEER STATUS-FILE TARGETS-FILE    PEER: address, or `-` for one that only answers
"""
import json, os, select, socket, sys, threading, time

network, peer, status_path, targets_path = sys.argv[1:5]
echo_port, spray_port = 7001, 7002
status = {"connection": 0, "echoed": 0, "stood": [], "own": 0, "aliens": 0, "alien": [], "errors": []}


def serve():
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("", echo_port))
    listener.listen()
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=echo, args=(connection,), daemon=True).start()


def echo(connection):
    try:
        while data := connection.recv(64):
            connection.sendall(data)
    except OSError:
        pass
    connection.close()


def keep():
    while True:
        try:
            connection = socket.create_connection((peer, echo_port), 2)
            connection.settimeout(60)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            status["connection"] += 1
            while True:
                asked = time.monotonic()
                connection.sendall(b"x")
                if not connection.recv(1):
                    raise OSError("closed by the other side")
                waited = time.monotonic() - asked
                if waited > 0.2:
                    status["stood"] = status["stood"][-20:] + [[asked, waited]]
                status["echoed"] += 1
                time.sleep(0.1)
        except OSError as error:
            status["errors"] = status["errors"][-3:] + [str(error)]
            time.sleep(0.3)


def spray():
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sender.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    while True:
        try:
            targets = json.load(open(targets_path))
        except (OSError, ValueError):
            targets = {}
        for name, addresses in targets.items():
            for address in addresses + ["255.255.255.255"]:
                try:
                    sender.sendto(network.encode(), (address, spray_port))
                except OSError:
                    pass
        time.sleep(0.25)


def hear():
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.bind(("", spray_port))
    while True:
        data, origin = receiver.recvfrom(64)
        if data.decode() == network:
            status["own"] += 1
        else:
            status["aliens"] += 1
            status["alien"] = status["alien"][-20:] + [[data.decode(), origin[0]]]


for work in [serve, spray, hear] + ([keep] if peer != "-" else []):
    threading.Thread(target=work, daemon=True).start()
while True:
    temporary = status_path + ".new"
    with open(temporary, "w") as file:
        json.dump(status, file)
    os.rename(temporary, status_path)
    time.sleep(0.2)
