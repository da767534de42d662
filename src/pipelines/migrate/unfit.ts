import { hasNoStandIn } from './connections.ts'
import type { Kept } from './model.ts'
import type { Moved } from './moved-secret.ts'

/** An address with its password: what reads it needs the one, and a connection replaces the other. */
export function holdsAddress(name: string): boolean {
  return /(?:URL|URI|DSN|CONNECTION_STRING)$/i.test(name)
}

export const ofAddress = {
  why: 'it holds an address beside the password',
  instead: 'write the address into the file, without the password: postgres://USER@HOST/NAME',
}

/** Why a secret cannot go although its connection is known. `name`: the variable that has it; `isRead`: by the script itself. */
export function unfit(
  { replacement: { id, connection }, isGuess }: Extract<Moved, { ok: true }>,
  { name, isRead, script }: { readonly name: string; readonly isRead: boolean; readonly script: string },
): Pick<Kept, 'why' | 'instead'> | undefined {
  // The word goes to that API alone: the step reaches nothing else by it.
  const isApi = connection === 'http'
  if (isRead && hasNoStandIn(id)) {
    const option = optionWith(script, name)
    return option === undefined
      ? {
          why: 'the script itself works on its value',
          instead: 'take out the lines that write it to a file: inside `mayfly run` the tool needs none',
        }
      : {
          why: `the script hands it to its tool (${option}), and no word stands for it there`,
          instead: `leave ${option} out: inside \`mayfly run\` the tool needs none`,
        }
  }
  if (holdsAddress(name)) return ofAddress
  // It may be handed on to what Mayfly does not carry: a word in its place would arrive there.
  if (isRead && isGuess && !isApi)
    return {
      why: 'the script hands its value on, and does not show to whom',
      instead: 'say what it is for by a command that Mayfly knows',
    }
  return undefined
}

/** `kubectl --token="$X"`, `--token $X`: the option that has it. */
function optionWith(script: string, name: string): string | undefined {
  const value = `["']?\\$(?:\\{\\{\\s*[\\w.]*\\b)?\\{?${name}\\b`
  return new RegExp(`(?:^|\\s)(--[a-z][a-z-]{0,60})[= ]${value}`).exec(script)?.[1]
}
