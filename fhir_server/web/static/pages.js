// The components of the NHS.UK frontend, where the assets are there; without them every page works all the same.
document.body.classList.add("js-enabled", "nhsuk-frontend-supported");
import("/assets/nhsuk-frontend.min.js").then((frontend) => frontend.initAll(), () => undefined);
