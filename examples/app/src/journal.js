import { open, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'

/**
 * A file of JSON lines. A record is durable once its line, newline included, is on disk; a last line
 * without a newline is a write that a crash cut short, and was never acknowledged.
 * @returns {Promise<{ records: object[], byteLength: number }>} byteLength covers the whole lines only
 */
export async function readJournal(path) {
  let bytes
  try {
    bytes = await readFile(path)
  } catch (error) {
    if (error.code === 'ENOENT') return { records: [], byteLength: 0 }
    throw error
  }
  const byteLength = bytes.lastIndexOf(0x0a) + 1
  const lines = bytes.toString('utf8', 0, byteLength).split('\n').slice(0, -1)
  const records = lines.map((line, index) => {
    try {
      return JSON.parse(line)
    } catch (error) {
      throw new Error(`${path}:${index + 1}: not a JSON record`, { cause: error })
    }
  })
  return { records, byteLength }
}

/** Opens for appending, after cutting off what follows the last whole line. */
export async function openJournal(path, byteLength) {
  const file = await open(path, 'a', 0o600)
  try {
    await file.truncate(byteLength)
    await file.sync()
    await syncFolder(dirname(path))
    return file
  } catch (error) {
    await file.close()
    throw error
  }
}

export async function appendRecords(file, records) {
  await file.appendFile(encode(records))
  await file.datasync()
}

/**
 * Replaces the whole journal, atomically: after a crash either the old one or the new one is there.
 * @returns {Promise<number>} its length in bytes
 */
export async function replaceJournal(path, records) {
  const next = `${path}.next`
  const text = encode(records)
  const file = await open(next, 'w', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(next, path)
  await syncFolder(dirname(path))
  return Buffer.byteLength(text)
}

const encode = (records) => records.map((record) => `${JSON.stringify(record)}\n`).join('')

async function syncFolder(path) {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
