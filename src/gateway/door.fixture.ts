import { createServer, type AddressInfo, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { joinSockets } from '../lib/index.ts'
import type { World } from './gateway.fixture.ts'

/** Where clients on this machine reach a connection of the gateway, as those in a step do at its door. Ends with the test. */
export async function openDoor(t: TestContext, world: World, authority: string): Promise<number> {
  const sockets = new Set<Socket>()
  const door = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    void world.connect(authority).then((tunnel) => {
      sockets.add(tunnel.socket)
      joinSockets(socket, tunnel.socket)
    })
  })
  await new Promise<void>((done) => door.listen(0, '127.0.0.1', done))
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    door.close()
  })
  return (door.address() as AddressInfo).port
}
