import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { appendRecords, openJournal, readJournal, replaceJournal } from './journal.js'
import { takeLock } from './lock.js'

const FORMAT = 'octo-links/1'
const FLUSH_HITS_MS = 2_000
const COMPACT_AFTER_RECORDS = 10_000

/** code: exists | not_found | locked | unavailable | format */
export class StoreError extends Error {
  constructor(code, message, options) {
    super(message, options)
    this.name = 'StoreError'
    this.code = code
  }
}

/**
 * @typedef {{ seq: number, slug: string, url: string, createdAt: string, createdBy: string,
 *   updatedAt: string, expiresAt: string | null, hits: number }} Link
 */

/**
 * The links of a data folder, without taking its lock: safe while a server is running.
 * @returns {Promise<Link[]>}
 * @throws {StoreError} `format` when the folder is not a data folder
 */
export async function readLinks(folder) {
  const { records } = await readJournal(journalPath(folder))
  if (records.length === 0) throw new StoreError('format', `${folder} holds no links`)
  return [...replay(records).links.values()]
}

/**
 * Opens a data folder for this process alone. Close it to release it.
 * @param {string} folder created when missing
 * @param {{ log?: { error(fields: object, text: string): void }, compactAfter?: number }} [options]
 * @throws {StoreError} `locked` when another process has it open, `format` when it is not ours
 */
export async function openStore(folder, { log, compactAfter = COMPACT_AFTER_RECORDS } = {}) {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  let store
  const lock = await takeLock(join(folder, 'links.lock'), (error) => {
    log?.error({ err: error }, 'data folder lost; no more writes')
    store?.fail(error)
  })
  if (!lock) throw new StoreError('locked', `${folder} is in use by another process`)
  try {
    const path = journalPath(folder)
    const { records, byteLength } = await readJournal(path)
    const state = replay(records)
    const file = await openJournal(path, byteLength)
    if (records.length === 0) await appendRecords(file, [header(state)])
    store = new Store({
      path,
      file,
      lock,
      log,
      state,
      recordCount: Math.max(records.length, 1),
      compactAfter,
    })
    return store
  } catch (error) {
    await lock.release()
    throw error
  }
}

/**
 * All links in memory, every change in the journal before it is visible or acknowledged. Changes that
 * arrive while one batch is being synced share the next sync. Hit counts are batched: a crash loses at
 * most the last two seconds of them.
 */
class Store {
  #path
  #file
  #lock
  #log
  #state
  #recordCount
  #compactAfter
  #queue = []
  #working
  #hits = new Map()
  #failure
  #closed
  #timer

  constructor({ path, file, lock, log, state, recordCount, compactAfter }) {
    this.#path = path
    this.#file = file
    this.#lock = lock
    this.#log = log
    this.#state = state
    this.#recordCount = recordCount
    this.#compactAfter = compactAfter
    this.#timer = setInterval(() => this.flushHits().catch(() => {}), FLUSH_HITS_MS).unref()
  }

  get size() {
    return this.#state.links.size
  }

  get writable() {
    return !this.#failure && !this.#closed
  }

  /** @returns {Link | undefined} */
  get(slug) {
    const link = this.#state.links.get(slug)
    return link && this.#withPendingHits(link)
  }

  /** In order of creation. `after` is the `seq` of the last link already seen. */
  list({ after = 0, limit }) {
    const page = []
    for (const link of this.#state.links.values()) {
      if (link.seq <= after) continue
      page.push(this.#withPendingHits(link))
      if (page.length === limit) break
    }
    return page
  }

  /** @throws {StoreError} `exists` when the slug is taken */
  create({ slug, url, expiresAt = null, createdBy, now }) {
    return this.#change(slug, (existing, nextSeq) => {
      if (existing) throw new StoreError('exists', `slug ${slug} is taken`)
      const at = now.toISOString()
      return { seq: nextSeq, slug, url, createdAt: at, createdBy, updatedAt: at, expiresAt, hits: 0 }
    })
  }

  /** @throws {StoreError} `not_found` */
  update(slug, changes, now) {
    return this.#change(slug, (existing) => {
      if (!existing) throw new StoreError('not_found', `no link ${slug}`)
      return { ...existing, ...changes, updatedAt: now.toISOString() }
    })
  }

  /** @throws {StoreError} `not_found` */
  async delete(slug) {
    await this.#change(slug, (existing) => {
      if (!existing) throw new StoreError('not_found', `no link ${slug}`)
      return undefined
    })
  }

  hit(slug) {
    this.#hits.set(slug, (this.#hits.get(slug) ?? 0) + 1)
  }

  async flushHits() {
    if (this.#hits.size > 0) await this.#enqueue({})
  }

  /** Refuses every later change: what is on disk is no longer known to be ours. */
  fail(error) {
    this.#failure ??= error
  }

  async close() {
    this.#closed ??= this.#close()
    await this.#closed
  }

  async #close() {
    clearInterval(this.#timer)
    try {
      // The hits are queued before #closed is set, which happens when this function first awaits.
      await this.flushHits().catch(() => {})
      await this.#working
      await this.#file.close()
    } finally {
      await this.#lock.release()
    }
  }

  async #change(slug, decide) {
    const link = await this.#enqueue({ slug, decide })
    return link && this.#withPendingHits(link)
  }

  #withPendingHits(link) {
    return { ...link, hits: link.hits + (this.#hits.get(link.slug) ?? 0) }
  }

  #enqueue(operation) {
    if (!this.writable) {
      return Promise.reject(
        new StoreError('unavailable', 'the store is closed or failed', { cause: this.#failure }),
      )
    }
    return new Promise((resolve, reject) => {
      this.#queue.push({ ...operation, resolve, reject })
      this.#working ??= this.#work()
    })
  }

  async #work() {
    await undefined // let callers of the same tick join the first batch
    while (this.#queue.length > 0) {
      const { accepted, records } = this.#decide(this.#queue.splice(0))
      if (records.length === 0) continue
      try {
        if (this.#failure) throw this.#failure
        await appendRecords(this.#file, records)
      } catch (cause) {
        // How much of the batch is on disk is unknown, so nothing may be appended after it.
        this.#failAndLog(cause, 'journal write failed; no more writes')
        const error = new StoreError('unavailable', 'the change could not be stored', { cause })
        for (const { reject } of accepted) reject(error)
        continue
      }
      for (const record of records) this.#apply(record)
      for (const { resolve, link } of accepted) resolve(link)
      await this.#compactIfWorthwhile()
    }
    // In the same tick as the check of the queue, or a change that arrives in between would wait forever.
    this.#working = undefined
  }

  /** Turns operations into records, each seeing the ones before it; the refused ones are rejected here. */
  #decide(batch) {
    const staged = new Map()
    const records = []
    const accepted = []
    let nextSeq = this.#state.nextSeq
    for (const operation of batch) {
      const { slug, decide, reject } = operation
      try {
        if (decide) {
          operation.link = decide(staged.has(slug) ? staged.get(slug) : this.#state.links.get(slug), nextSeq)
          staged.set(slug, operation.link)
          records.push(operation.link ? { put: operation.link } : { delete: slug })
          if (operation.link?.seq === nextSeq) nextSeq += 1
        }
        accepted.push(operation)
      } catch (error) {
        reject(error)
      }
    }
    // Once, and last: a `put` of the same batch was decided with the count from before it.
    if (accepted.some(({ decide }) => !decide)) records.push({ hits: Object.fromEntries(this.#hits) })
    return { accepted, records }
  }

  #apply(record) {
    apply(this.#state, record)
    this.#recordCount += 1
    if (record.hits) this.#settleHits(record.hits)
    else if (record.delete) this.#hits.delete(record.delete)
  }

  #settleHits(counts) {
    for (const [slug, count] of Object.entries(counts)) {
      const left = (this.#hits.get(slug) ?? 0) - count
      if (left > 0) this.#hits.set(slug, left)
      else this.#hits.delete(slug)
    }
  }

  async #compactIfWorthwhile() {
    const { links } = this.#state
    if (this.#recordCount < this.#compactAfter || this.#recordCount < 2 * links.size) return
    try {
      const records = [header(this.#state), ...[...links.values()].map((link) => ({ put: link }))]
      const byteLength = await replaceJournal(this.#path, records)
      const replaced = this.#file
      this.#file = await openJournal(this.#path, byteLength)
      this.#recordCount = records.length
      await replaced.close()
    } catch (error) {
      this.#failAndLog(error, 'journal compaction failed; no more writes')
    }
  }

  #failAndLog(error, text) {
    this.fail(error)
    this.#log?.error({ err: error }, text)
  }
}

const journalPath = (folder) => join(folder, 'links.jsonl')
const header = ({ nextSeq }) => ({ format: FORMAT, nextSeq })

function replay([first, ...records]) {
  if (first && first.format !== FORMAT)
    throw new StoreError('format', `the journal is not in format ${FORMAT}`)
  const state = { links: new Map(), nextSeq: first?.nextSeq ?? 1 }
  for (const record of records) apply(state, record)
  return state
}

function apply(state, record) {
  if (record.put) {
    state.links.set(record.put.slug, record.put)
    state.nextSeq = Math.max(state.nextSeq, record.put.seq + 1)
  } else if (record.delete) {
    state.links.delete(record.delete)
  } else if (record.hits) {
    for (const [slug, count] of Object.entries(record.hits)) {
      const link = state.links.get(slug)
      if (link) state.links.set(slug, { ...link, hits: link.hits + count })
    }
  } else {
    throw new StoreError('format', `the journal has a record that this version does not know`)
  }
}
