import { connectionProblem } from '../../lib/index.ts'
import { askGateway } from '../../runner/index.ts'
import type { Check } from './check.ts'

const timeoutMs = 5_000

/** Every tunnel of a step goes through it, so it is asked as a tunnel asks; without a token, so that it refuses. */
export const checkGateway: Check = async (here) => {
  const name = 'gateway'
  const me = await here.me()
  if (!('at' in me))
    return { name, state: 'skip', says: 'the server tells its address to whoever it knows: see identity' }
  const { gateway } = me.at
  try {
    const status = await askTunnel(gateway)
    return status === 200
      ? { name, state: 'fail', says: `${gateway} opens a tunnel to anybody: it is no Mayfly gateway` }
      : { name, state: 'ok', says: `${gateway} answers a CONNECT (refused without a token: ${status})` }
  } catch (error) {
    return {
      name,
      state: 'fail',
      says: `${gateway} takes no CONNECT from here: ${connectionProblem(error)}`,
      mend: 'let this machine reach it; behind a proxy CONNECT must pass (mayfly up --gateway-url)',
    }
  }
}

function askTunnel(gateway: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const asked = askGateway(gateway, 'mayfly-doctor.invalid:443', { timeoutMs })
    asked.once('connect', (response, socket) => {
      socket.destroy()
      resolve(response.statusCode ?? 0)
    })
    asked.once('response', (response) => {
      response.destroy()
      resolve(response.statusCode ?? 0)
    })
    asked.once('timeout', () => asked.destroy(new Error('no answer')))
    asked.on('error', reject)
    // A switch of protocols (101) comes as no event but the end.
    asked.once('close', () => reject(new Error('it closed the connection without an answer')))
    asked.end()
  })
}
