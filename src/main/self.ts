import { fileURLToPath } from 'node:url'

/** What starts this very program again: the interpreter, its options and the entry point. */
export function selfCommand(entry: string): string[] {
  return [process.execPath, ...process.execArgv, fileURLToPath(entry)]
}
