import type { ClientRequest, IncomingMessage } from 'node:http'
import { limits } from './limits.ts'

/**
 * The answer to a request of ours, as soon as its head is there. Rejects with the network's error, or with one that says
 * what came instead: an end without an answer, another protocol, interim answers without end.
 * For any server that is not ours: it may say anything at any time, after its answer too, so every listener stays. An error
 * that nobody listens for would end the process, and a switch of protocols that nobody listens for ends in no event at all.
 */
export function answerOf(outgoing: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    let interim = 0
    outgoing.on('error', reject)
    outgoing.on('close', () => reject(new Error('it closed the connection without an answer')))
    outgoing.on('information', () => {
      if (++interim > limits.interimAnswers)
        outgoing.destroy(new Error('it sends interim answers (1xx) without end'))
    })
    outgoing.on('upgrade', (_answer, socket) => {
      socket.on('error', () => undefined).destroy()
      reject(new Error('it switched to another protocol'))
    })
    outgoing.on('response', (answer) => {
      answer.on('error', () => undefined)
      resolve(answer)
    })
  })
}
