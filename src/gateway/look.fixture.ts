import type { Inspection, Look } from './look.ts'

/** Refuses what has the marker in it, and says in which file; remembers whatever it looked into. */
export function markerInspection(marker: string) {
  const seen = new Map<string, string>()
  const opened: string[] = []
  const inspection: Inspection = {
    looksAt: () => true,
    stepEnded: (step) => void opened.push(`ended ${step}`),
    open(_step, { place, what }): Look {
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
          const lines = [...own].flatMap(([name, content]) =>
            content.includes(marker) ? [`a secret in ${nameOf(name)}`] : [],
          )
          return lines.length === 0 ? { ok: true } : { ok: false, lines }
        },
      }
    },
  }
  return { inspection, seen, opened }
}
