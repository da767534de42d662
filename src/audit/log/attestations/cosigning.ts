import type { Cosign } from '../commit.ts'
import type { Committer } from './committer.ts'
import type { Witnesses } from '../witnesses.ts'

/**
 * Asks the witnesses for what was published last, one round at a time and beside the commits: an answer to a signer never
 * waits for a witness. Bundles hold the checkpoint with the log's own signature alone, which is all that their verifiers
 * look at; whoever watches the log reads `checkpoint`, which has the witnesses' lines a moment later.
 */
export function createCosigning(
  witnesses: Witnesses,
  committer: Pick<Committer, 'publishAgain'>,
  timed: Cosign,
): { published(note: string): void; drain(): Promise<void> } {
  let newest: string | undefined
  let running: Promise<void> | undefined

  async function run(): Promise<void> {
    while (newest !== undefined) {
      const note = newest
      newest = undefined
      const lines = await witnesses.cosign(note)
      if (lines !== '') await committer.publishAgain(note, async () => `${await timed(note)}${lines}`)
    }
    running = undefined
  }

  return {
    published(note) {
      if (witnesses.states().length === 0) return
      newest = note
      running ??= run()
    },
    drain: async () => await running,
  }
}
