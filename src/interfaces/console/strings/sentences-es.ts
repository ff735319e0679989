import type { Sentences } from './sentences.ts';

/** The first form that fits counts: what says more stands before what says less. */
export const sentencesInSpanish: Sentences = {
  // -- what is typed in the forms
  '{name} cannot be a container\'s name: use 2 to 63 letters, digits, "_", "." and "-", beginning with a letter or digit, without ".." or a "." at the end':
    '{name} no puede ser el nombre de un contenedor: use de 2 a 63 letras, cifras, "_", "." y "-", empezando por letra o cifra, sin ".." y sin "." al final',
  '{name} cannot be a network\'s name: use 1 to 63 lower-case letters, digits and "-", beginning and ending with a letter or digit':
    '{name} no puede ser el nombre de una red: use de 1 a 63 letras minúsculas, cifras y "-", empezando y acabando por letra o cifra',
  "{name} cannot be a network's name: Docker means a network of its own by it":
    '{name} no puede ser el nombre de una red: Docker llama así a una suya',
  '{name} is reserved for the built-in network, which is there when a container uses it: choose another name':
    '{name} está reservado para la red incorporada, que aparece cuando un contenedor la usa: elija otro nombre',
  '{image} is not an image: write it like nginx, nginx:1.27 or registry:5000/team/app:2':
    '{image} no es una imagen: escríbala como nginx, nginx:1.27 o registro:5000/equipo/app:2',
  '{text} does not publish a port: write it like 8080:80, 8080:80/udp, 8000-8010:80-90, 10.0.0.1:8080:80, or 80 for any free port':
    '{text} no publica un puerto: escríbalo como 8080:80, 8080:80/udp, 8000-8010:80-90, 10.0.0.1:8080:80, o 80 para cualquier puerto libre',
  '{text} has protocol {protocol}: it is tcp or udp': '{text} tiene el protocolo {protocol}: es tcp o udp',
  '{text} has {host} host ports for {count} of the container: give ranges of one length':
    '{text} tiene {host} puertos del equipo para {count} del contenedor: dé intervalos de la misma longitud',
  '{text} has 1 host port for {count} of the container: give ranges of one length':
    '{text} tiene 1 puerto del equipo para {count} del contenedor: dé intervalos de la misma longitud',
  '{text} is not a port: it is a number from 1 to 65535': '{text} no es un puerto: es un número del 1 al 65535',
  '{text} is not a range of ports: write it like 8000-8010':
    '{text} no es un intervalo de puertos: escríbalo como 8000-8010',
  'host port {port} is published twice: publish it once': 'el puerto {port} se publica dos veces: publíquelo una vez',
  '{text} is not an IP address: write it like 10.42.0.5': '{text} no es una dirección IP: escríbala como 10.42.0.5',
  '{text} is not a subnet: write it like 10.42.0.0/16': '{text} no es un segmento: escríbalo como 10.42.0.0/16',
  '{text} has no prefix length: write it like {cidr}': '{text} no tiene longitud de prefijo: escríbalo como {cidr}',
  '{text} has no valid prefix length: it is a number from 0 to {most}':
    '{text} no tiene una longitud de prefijo válida: es un número del 0 al {most}',
  '{text} has host bits set: did you mean {cidr}?': '{text} tiene bits de equipo: ¿quería decir {cidr}?',
  '{subnet} is IPv6, which networks cannot have yet: give an IPv4 subnet like 10.42.0.0/16':
    '{subnet} es IPv6, que las redes aún no pueden tener: dé un segmento IPv4 como 10.42.0.0/16',
  '{subnet} leaves no addresses for containers: choose a prefix length from 8 to 30':
    '{subnet} no deja direcciones para contenedores: elija una longitud de prefijo de 8 a 30',
  '{subnet} is larger than any network needs: choose a prefix length from 8 to 30':
    '{subnet} es mayor de lo que ninguna red necesita: elija una longitud de prefijo de 8 a 30',
  "{subnet} {what} and cannot be a network's subnet: choose one like 10.42.0.0/16":
    '{subnet} no puede ser el segmento de una red: elija uno como 10.42.0.0/16',

  // -- a network that cannot be made or removed
  'there is a network {name} already: choose another name': 'ya hay una red {name}: elija otro nombre',
  'subnet {subnet} overlaps network {name} ({other}): choose another subnet':
    'el segmento {subnet} se solapa con la red {name} ({other}): elija otro segmento',
  'subnet {subnet} overlaps the route {route} of node {node}: choose another subnet':
    'el segmento {subnet} se solapa con la ruta {route} del nodo {node}: elija otro segmento',
  'no subnet is free on all hosts in {pools}: name one with --subnet':
    'no queda ningún segmento libre en todos los equipos: dé uno usted',
  'every VNI is in use: remove a network': 'todos los VNI están en uso: quite una red',
  'network {name} is in use by the container {all}: remove what uses it first':
    'la red {name} la usa el contenedor {all}: quite primero lo que la usa',
  'network {name} is in use by the containers {all}: remove what uses it first':
    'la red {name} la usan los contenedores {all}: quite primero lo que la usa',
  'network {name} is being removed by somebody else at this moment': 'otra persona está quitando ahora la red {name}',
  'there is no network {name}: `trama network ls` shows those there are': 'no hay ninguna red {name}',
  'network {name} is being removed at this moment': 'la red {name} se está quitando ahora',

  // -- a container that cannot be launched
  'there is a container {name} already, on node {node}: remove it first with `{command}`, or choose another name':
    'ya hay un contenedor {name}, en el nodo {node}: destrúyalo antes o elija otro nombre',
  'there is no node {name}: `trama node ls` shows those there are': 'no hay ningún nodo {name}',
  'node {node} is down: start its agent, or choose another node':
    'el nodo {node} está caído: arranque su agente o elija otro nodo',
  'node {node} is drained and takes no new containers: choose another node':
    'el nodo {node} se está vaciando y no recibe contenedores: elija otro nodo',
  'node {node} is being removed at this moment': 'el nodo {node} se está quitando ahora',
  'node {node} is just being evicted: try again in a moment':
    'el nodo {node} se está expulsando: inténtelo de nuevo en un momento',
  'no node is ready to take a container: `trama node ls` shows why':
    'ningún nodo está listo para recibir un contenedor: la lista de nodos dice por qué',
  'no node can take it: {why}': 'ningún nodo puede recibirlo: {why}',
  'network {name} is not to be had there: {why}': 'la red {name} no la hay allí: {why}',
  'node {node} has no interface {interface}': 'el nodo {node} no tiene la interfaz {interface}',
  'network {name} is internal, so that nobody outside reaches a port of its containers: leave out -p, or add a network that is not internal':
    'la red {name} es interna y nadie de fuera llega a un puerto de sus contenedores: no publique puertos, o elija otra red',
  'network {name} ({subnet}) has no address left: remove containers from it, or make a network with a larger subnet':
    'en la red {name} ({subnet}) no quedan direcciones: quite contenedores de ella, o cree una red con un segmento mayor',
  'address {address} of network {name} is in use by {who}: choose another, or none to get a free one':
    'la dirección {address} de la red {name} la usa {who}: elija otra, o ninguna para que sea una libre',
  '{what} has to wait: the store was restored, and {all} not told yet what is there; start the agent, or give a host up with `{command}`':
    'hay que esperar: el almacén se ha restaurado y faltan nodos por decir qué tienen; arranque sus agentes, o dé por perdido un equipo con {command}',
  '{what}: too many are changing this at once, try again':
    '{what}: demasiados cambian esto a la vez, inténtelo de nuevo',

  // -- what a registry has
  'Docker Hub has no catalogue: name a repository, like {example}':
    'Docker Hub no tiene catálogo: escriba el nombre de la imagen',
  'registry {registry} has no catalogue: name a repository of it':
    'el registro {registry} no tiene catálogo: escriba el nombre de la imagen',
  'registry {registry} asks for a login that lets this host see that: "{command}" on it first':
    'el registro {registry} pide una cuenta que deje ver eso a ese equipo: haga antes "{command}" en él',
  'registry {registry} cannot be reached from this host ({text}): check its address, the network and DNS':
    'el registro {registry} no se alcanza desde ese equipo ({text}): compruebe su dirección, la red y el DNS',
  'registry {registry} does not speak TLS: add it to "insecure-registries" in /etc/docker/daemon.json':
    'el registro {registry} no habla TLS: añádalo a "insecure-registries" en /etc/docker/daemon.json',
  'this host does not trust the certificate of registry {registry} ({text}): put its CA into {directory}':
    'ese equipo no se fía del certificado del registro {registry} ({text}): ponga su CA en {directory}',
  'registry {registry} answers with {status} and in no form that registries do: check its address, and that it is one':
    'el registro {registry} responde con {status} y no como responden los registros: compruebe su dirección y que lo sea',
  'node {node} is not connected at this moment: try again, or ask another':
    'el nodo {node} no está conectado ahora: inténtelo de nuevo, o elija otro',

  // -- a container that does not start: what its node says
  'there is no image {image} on this host; an id cannot be pulled, give its name':
    'no hay ninguna imagen {image} en ese equipo; un identificador no se puede descargar, dé su nombre',
  'no such image: {image} ({text}); check its name and tag, or "docker login" on this host if it is private':
    'no existe la imagen {image} ({text}); compruebe su nombre y etiqueta, o haga "docker login" en ese equipo si es privada',
  'the registry does not give {image} to this host ({text}); "docker login" on it first':
    'el registro no entrega {image} a ese equipo ({text}); haga antes "docker login" en él',
  'the registry of {image} cannot be reached from this host ({text}); check the network and DNS, or load the image with "docker load"':
    'el registro de {image} no se alcanza desde ese equipo ({text}); compruebe la red y el DNS, o cargue la imagen con "docker load"',
  'the registry of {image} does not speak TLS; add it to "insecure-registries" in /etc/docker/daemon.json of this host':
    'el registro de {image} no habla TLS; añádalo a "insecure-registries" en /etc/docker/daemon.json de ese equipo',
  'this host does not trust the certificate of the registry of {image} ({text}); put its CA into /etc/docker/certs.d':
    'ese equipo no se fía del certificado del registro de {image} ({text}); ponga su CA en /etc/docker/certs.d',
  'the registry refuses to give more images for now, among them {image} ({text}); wait, or "docker login" on this host':
    'el registro no entrega más imágenes por ahora, entre ellas {image} ({text}); espere, o haga "docker login" en ese equipo',
  'Docker could not {doing}: the disk is full ({text}); free space, for instance with "docker system prune"':
    'Docker no pudo ({doing}): el disco está lleno ({text}); libere espacio, por ejemplo con "docker system prune"',
  'Docker could not {doing}: the image has no executable {command}; check the command':
    'Docker no pudo ({doing}): la imagen no tiene el ejecutable {command}; compruebe la orden',
  'Docker could not {doing}: {port} is in use on this host; stop what uses it or publish another port':
    'Docker no pudo ({doing}): {port} está en uso en ese equipo; pare lo que lo usa o publique otro puerto',
  'Docker could not {doing}: its network plugin {plugin} does not answer; check that the agent runs on this host':
    'Docker no pudo ({doing}): su extensión de red {plugin} no responde; compruebe que el agente está en marcha en ese equipo',
  'another container on this host is called {name}; remove it with "{command}" or choose another name':
    'otro contenedor de ese equipo se llama {name}; quítelo con "{command}" o elija otro nombre',
  'Docker is not installed or not running on this host: there is no {socket}; install it ("apt-get install docker.io") or start it ("systemctl start docker")':
    'Docker no está instalado o no está en marcha en ese equipo: no hay {socket}; instálelo ("apt-get install docker.io") o arránquelo ("systemctl start docker")',
  'Docker is not running on this host: nobody answers at {socket}; start it ("systemctl start docker")':
    'Docker no está en marcha en ese equipo: nadie responde en {socket}; arránquelo ("systemctl start docker")',
  'Docker could not {doing}: {why}': 'Docker no pudo ({doing}): {why}',
  'host port {port} of this node is in use by another program ({who}): publish another port, or stop that program':
    'el puerto {port} de ese nodo lo usa otro programa ({who}): publique otro puerto, o pare ese programa',
  'host port {port} of this node is published by the container {name} already: publish another port, or remove that container first':
    'el puerto {port} de ese nodo ya lo publica el contenedor {name}: publique otro puerto, o quite antes ese contenedor',

  // -- what is there no more, or cannot be reached
  'there is no container {name}: `trama ps` shows those there are': 'no hay ningún contenedor {name}',
  'container {name} is being removed: wait until it is gone and run it anew':
    'el contenedor {name} se está destruyendo: espere a que no esté y levántelo de nuevo',
  'container {name} cannot be reached: its node {node} is down':
    'el contenedor {name} no se alcanza: su nodo {node} está caído',
  'container {name} cannot be reached: its node {node} is not connected at this moment, try again':
    'el contenedor {name} no se alcanza: su nodo {node} no está conectado ahora, inténtelo de nuevo',
  'container {name} cannot be reached on its node {node}: {why}':
    'el contenedor {name} no se alcanza en su nodo {node}: {why}',
  'node {node} does not answer in time': 'el nodo {node} no responde a tiempo',
  'it does not run any more': 'ya no está en marcha',

  // -- a node that cannot be taken out
  'node {node} is not connected, so nothing can be taken from its host: try again when it is back, or forget it with trama node rm':
    'el nodo {node} no está conectado y de su equipo no se puede quitar nada: inténtelo cuando vuelva, u olvídelo con trama node rm',
  'containers that Trama did not start are on its networks here ({names}): remove them first, or leave with --force to have them removed':
    'en sus redes hay contenedores que Trama no levantó ({names}): quítelos antes, o márquelos (Tab) al dar de baja el nodo',
  'no server answers, so the cluster would keep this node: try again later, or leave with --force and have it forgotten with trama node rm':
    'ningún servidor responde y el cluster conservaría este nodo: inténtelo más tarde',
  "this host has left, but something of Trama's is still there: {why}":
    'el equipo está dado de baja, pero algo de Trama queda en él: {why}',

  // -- why a node is silent
  'its host {address} answers, and its agent is connected and says nothing: it is paused, or hangs':
    'su equipo {address} responde y su agente está conectado pero no dice nada: está en pausa o colgado',
  'its host {address} answers, its agent is not connected: it has been stopped, or cannot reach this server':
    'su equipo {address} responde y su agente no está conectado: se ha parado, o no alcanza a este servidor',
  'its host {address} answers neither this server nor {all}: it is off, or its link is cut':
    'su equipo {address} no responde ni a este servidor ni a {all}: está apagado, o su enlace cortado',
  'its host {address} does not answer: it is off, or a link between it and this server is cut':
    'su equipo {address} no responde: está apagado, o un enlace entre él y este servidor está cortado',

  // -- users who may not
  'user {name} ({role}) may not {doing}: that takes the role {least}':
    'la persona {name} ({role}) no tiene permiso para esto: hace falta el papel {least}',
  'user {name} ({role}) is limited to networks and may not {doing}':
    'la persona {name} ({role}) está limitada a unas redes y no tiene permiso para esto',

  // -- the way to the cluster
  'no Trama agent or server runs on this host: start one with {commands}, or name a cluster elsewhere ({help})':
    'en este equipo no hay agente ni servidor de Trama en marcha: arranque uno con {commands}, o nombre un cluster en otra parte ({help})',
  'only root may use Trama on this host ({socket}): run it as root (sudo)':
    'solo root puede usar Trama en este equipo ({socket}): ejecútelo como root (sudo)',
  'the Trama daemon at {socket} went away while it was asked: look at its log, then try again':
    'el servicio de Trama en {socket} se ha ido mientras se le preguntaba: mire su registro e inténtelo de nuevo',
  '{method} was not answered within {seconds} s: try again':
    '{method} no ha tenido respuesta en {seconds} s: inténtelo de nuevo',

  // -- whatever a node says, by its name
  'node {node}: {why}': 'nodo {node}: {why}',
};
