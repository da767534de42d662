import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

/** Every file below `folder` that has this text, while a server goes on writing there. */
export function filesWith(folder: string, text: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((one) => one.isFile())
    .map((one) => join(one.parentPath, one.name))
    .filter((file) => readIfThere(file).includes(text))
}

/** What was there under another name for a moment, before it was renamed, is gone. */
function readIfThere(file: string): Buffer {
  try {
    return readFileSync(file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return Buffer.alloc(0)
    throw error
  }
}
