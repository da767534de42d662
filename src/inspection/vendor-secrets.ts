import { askable, coresIn } from '../scan/liveness/index.ts'
import { compileRules } from '../scan/engine/index.ts'
import { builtInRules, checks, finders } from '../scan/rules/index.ts'
import { unpack } from '../scan/unpack/index.ts'

const most = 40
/** What somebody keeps in a vault is a file, and no archive of gigabytes. */
const limits = { totalBytes: 16_777_216, members: 1_000 }

/**
 * Secrets that stand in a text, in whatever form, of the kinds that vendors can be asked about: by the rules by which they would be found
 * elsewhere, so that none of them counts as a stranger's there; and the parts of them by which their vendors know them.
 */
export function createVendorSecrets(): (text: string) => Promise<readonly string[]> {
  const rules = builtInRules.filter(({ id }) => askable.includes(id))
  const engine = compileRules(rules, { checks, finders, proven: new Set(rules) })
  return async (text) => {
    const found = new Set<string>()
    await unpack('secret', Buffer.from(text), {
      ...{ overlap: engine.overlap, limits },
      async visit({ bytes }) {
        engine.find(bytes, ({ start, end }) => {
          const secret = bytes.toString('utf8', start, end)
          for (const one of [secret, ...coresIn(secret)]) if (found.size < most) found.add(one)
        })
      },
      unseen: () => undefined,
    })
    return [...found]
  }
}
