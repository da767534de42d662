import { DatabaseSync } from 'node:sqlite'
import { parentPort, workerData } from 'node:worker_threads'

/**
 * The thread that brings the write-ahead log into the database: copying pages and waiting for the disk hold up whoever
 * does it. PASSIVE waits for nobody and makes nobody wait.
 */
const everyMs = 250

const database = new DatabaseSync(workerData as string, { timeout: 0 })
const timer = setInterval(() => {
  try {
    database.exec('PRAGMA wal_checkpoint(PASSIVE)')
  } catch {
    // A disk that is full or fails: whoever writes is told, and brings the pages over himself in the end.
  }
}, everyMs)

parentPort?.once('message', () => {
  clearInterval(timer)
  database.close()
})
