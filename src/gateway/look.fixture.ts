import type { IncomingHttpHeaders } from 'node:http'
import type { Step } from '../broker/index.ts'
import type { FilePaths, Inspection, Look } from './look.ts'
import type { AuditStub } from './stubs.fixture.ts'

/** Refuses what has the marker in it, and says in which file; remembers whatever it looked into. */
export function markerInspection(marker: string) {
  const seen = new Map<string, string>()
  const opened: string[] = []
  /** By which a person's yes is known again, of each in turn. */
  const same: (string | undefined)[] = []
  const inspection: Inspection = {
    looksAt: () => true,
    stepEnded: (step) => void opened.push(`ended ${step}`),
    open(_step, { place, what, same: sameOf }): Look {
      opened.push(`${place} ${what}`)
      const own = new Map<string, string>()
      const add = (name: string, bytes: Buffer) => {
        own.set(name, (own.get(name) ?? '') + bytes.toString('latin1'))
        seen.set(name, own.get(name) ?? '')
      }
      return {
        add: async (name, bytes) => add(name, bytes),
        stream: (name) => ({
          write: async (piece) => add(name, piece),
          end: () => undefined,
          leave: () => undefined,
        }),
        unseen: () => undefined,
        async finish(nameOf = (name) => name) {
          same.push(sameOf?.())
          const lines = [...own].flatMap(([name, content]) =>
            content.includes(marker) ? [`a secret in ${shown(nameOf(name))}`] : [],
          )
          return lines.length === 0 ? { ok: true } : { ok: false, lines }
        },
      }
    },
  }
  return { inspection, seen, opened, same }
}

/** Lets all pass, and finds the very credential in it that it is to go with: its lease ends. */
export function leakInspection(endLease: (step: Step, connection: string) => void): Inspection {
  return {
    looksAt: () => true,
    stepEnded: () => undefined,
    open: (step, { connection }) => ({
      add: async () => undefined,
      stream: () => ({ write: async () => undefined, end: () => undefined, leave: () => undefined }),
      unseen: () => undefined,
      async finish() {
        endLease(step, connection)
        return { ok: true }
      },
    }),
  }
}

/** The authorizations that went out, and what the log has of the leases by which they were granted. */
export function leasesOf(
  world: { readonly audit: AuditStub },
  seen: readonly { readonly headers: IncomingHttpHeaders }[],
) {
  const decoded = seen.map(({ headers }) =>
    Buffer.from((headers.authorization ?? '').replace('Basic ', ''), 'base64').toString(),
  )
  return [decoded, world.audit.ofType('access.granted').map(({ data }) => data['lease'])]
}

function shown(name: string | FilePaths): string {
  if (typeof name === 'string') return name
  return `${name.paths.join(' and ')}${name.isWhole ? '' : ' and perhaps elsewhere'}`
}
