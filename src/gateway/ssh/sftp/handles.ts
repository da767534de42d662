import { Reader } from '../../../ssh-keys/index.ts'
import type { StreamExchange } from '../../stream-exchange.ts'
import type { Packet } from './packets.ts'
import type { FileRequest } from './request.ts'

type OperationDone = Parameters<StreamExchange['done']>[0]

const [status, handle] = [101, 102] as const
const okay = 0
/** Requests under way, and handles that are open, of one connection; OpenSSH's server has fewer. */
const most = 10_000

/** What the host has not answered yet, and which of its handles are open for what. */
export interface Handles {
  /** Why a request cannot go on; undefined if it may. One that closes a handle has closed it from here on. */
  begin(request: FileRequest, done: readonly OperationDone[]): string | undefined
  /** Takes an answer; returns what has been done with it, which is nothing where the host refused. */
  answered(answer: Pick<Packet, 'type' | 'body'>): readonly OperationDone[]
}

export function createHandles(): Handles {
  const underWay = new Map<
    number,
    { readonly request: FileRequest; readonly done: readonly OperationDone[] }
  >()
  const open = new Map<string, 'read' | 'write'>()
  return {
    begin(request, done) {
      const { id, handles = [], changesHandle, closes } = request
      // Two under one number, and the handle of one would be taken for the other's.
      if (underWay.has(id)) return 'two requests under way have the same number'
      if (underWay.size + open.size >= most) return 'too much is open or under way'
      const uses = handles.map((one) => open.get(one.toString('hex')))
      // A host gives the number of a handle that was closed to the next one: by a number that the client was not told of yet it
      // would change what it opened to read.
      if (uses.includes(undefined)) return 'that handle is not open'
      if (changesHandle === true && uses.some((use) => use !== 'write'))
        return 'what was opened to be read is not changed'
      if (closes === true) for (const one of handles) open.delete(one.toString('hex'))
      underWay.set(id, { request, done })
      return undefined
    },
    answered(answer) {
      const reader = new Reader(answer.body)
      const id = reader.u32()
      const one = underWay.get(id)
      underWay.delete(id)
      if (one === undefined) return []
      if (answer.type === status) return reader.u32() === okay ? one.done : []
      if (answer.type !== handle || one.request.opens === undefined) return []
      open.set(reader.text().toString('hex'), one.request.opens)
      return one.done
    },
  }
}
