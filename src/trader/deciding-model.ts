import type { ModelManifest } from '../core/manifest.js';
import type { Classifier } from '../ports/model.js';

/** The model that decides: another one may take its place while the box runs, and the last one is closed at the end. */
export class DecidingModel {
  #classifier: Classifier;

  constructor(classifier: Classifier) {
    this.#classifier = classifier;
  }

  get classifier(): Classifier {
    return this.#classifier;
  }

  get manifest(): ModelManifest {
    return this.#classifier.manifest;
  }

  /** The one that decided until now, which the caller closes. */
  replaceBy(next: Classifier): Classifier {
    const before = this.#classifier;
    this.#classifier = next;
    return before;
  }

  close(): Promise<void> {
    return this.#classifier.close();
  }
}
