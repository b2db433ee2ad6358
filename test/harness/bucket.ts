import { gunzipSync } from 'node:zlib'
import {
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  PutObjectCommand,
  S3Client,
  paginateListObjectsV2,
} from '@aws-sdk/client-s3'
import type { LogEntry } from '@p2p-playground/core'
import type { Radosgw } from './radosgw.js'

/** A bucket as the test sees it, beside what the product does with it. */
export class Bucket {
  readonly name: string
  readonly #client: S3Client

  private constructor(name: string, client: S3Client) {
    this.name = name
    this.#client = client
  }

  static async create(server: Radosgw, name: string): Promise<Bucket> {
    const client = new S3Client({
      endpoint: server.endpoint,
      region: 'us-east-1',
      credentials: server.owner,
      forcePathStyle: true,
    })
    await client.send(new CreateBucketCommand({ Bucket: name }))
    return new Bucket(name, client)
  }

  async keys(prefix = ''): Promise<string[]> {
    const keys: string[] = []
    const query = { Bucket: this.name, Prefix: prefix }
    for await (const page of paginateListObjectsV2({ client: this.#client }, query))
      keys.push(...(page.Contents ?? []).map(({ Key }) => Key ?? ''))
    return keys
  }

  async get(key: string): Promise<Buffer> {
    const object = new GetObjectCommand({ Bucket: this.name, Key: key })
    const { Body } = await this.#client.send(object)
    return Buffer.from((await Body?.transformToByteArray()) ?? [])
  }

  async put(key: string, body: string): Promise<void> {
    await this.#client.send(new PutObjectCommand({ Bucket: this.name, Key: key, Body: body }))
  }

  /** What the objects hold, object by object in the order of their keys; repeats too. */
  async *entries(prefix = ''): AsyncGenerator<LogEntry> {
    for (const key of await this.keys(prefix)) {
      const text = gunzipSync(await this.get(key)).toString()
      for (const line of text.trimEnd().split('\n')) yield JSON.parse(line) as LogEntry
    }
  }

  async beginUpload(key: string): Promise<void> {
    await this.#client.send(new CreateMultipartUploadCommand({ Bucket: this.name, Key: key }))
  }

  /** Keys of uploads in parts that have not ended. */
  async uploads(): Promise<string[]> {
    const list = new ListMultipartUploadsCommand({ Bucket: this.name })
    const { Uploads = [] } = await this.#client.send(list)
    return Uploads.map(({ Key }) => Key ?? '')
  }
}
